//! The Redis that nodes share.

use portcullis_domain::{ExposeSecret, SecretString};
use url::Url;

use super::finding::Findings;
use super::raw;

pub(crate) fn check(raw: raw::Redis, findings: &mut Findings) -> Option<SecretString> {
    const KEY: &str = "redis.url";
    let url = raw.url?;
    // Never the parser's own words: they may quote a password.
    let parsed = Url::parse(url.expose_secret()).ok();
    match parsed.as_ref().map(|url| (url.scheme(), url.has_host() && names_database(url))) {
        Some(("redis", true) | ("redis+unix", _)) => return Some(url),
        Some(("rediss", _)) => {
            let remedy = "write redis://, over a network where nobody else listens or through a \
                          tunnel: it carries no more than the word that something was revoked";
            findings.fault(KEY, "asks for TLS, which this version does not speak to Redis", remedy);
        }
        _ => {
            let remedy = "write redis://user:password@host:6379/0, or redis+unix:///path";
            findings.fault(KEY, "is not the URL of a Redis", remedy);
        }
    }
    None
}

/// One of the databases that a Redis has, by its number; none is the first.
fn names_database(url: &Url) -> bool {
    let number = url.path().trim_start_matches('/');
    number.is_empty() || number.parse::<u16>().is_ok()
}
