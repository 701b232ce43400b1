//! The section `redis`: the Redis that the nodes share.

use portcullis_domain::{ExposeSecret, SecretString};
use url::Url;

use super::finding::Findings;
use super::raw;

pub(crate) fn check(raw: raw::Redis, findings: &mut Findings) -> Option<SecretString> {
    const KEY: &str = "redis.url";
    let url = raw.url?;
    // The error text of the parser may quote a password.
    let parsed = Url::parse(url.expose_secret()).ok();
    match parsed.as_ref().map(|url| (url.scheme(), url.has_host() && names_database(url))) {
        Some(("redis", true) | ("redis+unix", _)) => return Some(url),
        Some(("rediss", _)) => {
            let remedy = "write redis://, and use a private network or a tunnel; the messages say only \
                          that new revocations exist";
            findings.fault(
                KEY,
                "asks for TLS, which this version does not support for Redis",
                remedy,
            );
        }
        _ => {
            let remedy = "write redis://user:password@host:6379/0, or redis+unix:///path";
            findings.fault(KEY, "is not the URL of a Redis", remedy);
        }
    }
    None
}

/// The number of the Redis database; without a number it is the first.
fn names_database(url: &Url) -> bool {
    let number = url.path().trim_start_matches('/');
    number.is_empty() || number.parse::<u16>().is_ok()
}
