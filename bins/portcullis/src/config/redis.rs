//! The section `redis`: the Redis that the nodes share.

use portcullis_redis::RedisUrl;

use super::finding::Findings;
use super::raw;

pub(crate) fn check(raw: &raw::Redis, findings: &mut Findings) -> Option<RedisUrl> {
    let url = RedisUrl::parse(raw.url.as_ref()?);
    url.inspect_err(|error| {
        let remedy = "write redis://user:password@host:6379/0; with rediss:// for TLS, \
                      redis+sentinel://host,host/service for Sentinel, redis+cluster://host,host for a \
                      cluster, or redis+unix:///path for a socket";
        findings.fault("redis.url", error.to_string(), remedy);
    })
    .ok()
}
