//! Checks that Redis answers, that limits can be written to it, and that it keeps them.

use portcullis_redis::{CheckError, FailureReason, RedisLimiter, ServerReport};

use super::check::Check;
use crate::config::LoadedConfig;

const NAME: &str = "redis";

/// The first major version whose scripts may write after they have read the time.
const FIRST_MAJOR: u32 = 5;

pub(super) fn check(loaded: &LoadedConfig) -> Option<Check> {
    let Some(config) = loaded.partly(&["redis"]) else {
        return Some(Check::skipped_for_faults(NAME));
    };
    let url = config.redis.as_ref()?;
    let report = match RedisLimiter::new(url, &config.issuer()) {
        Ok(limiter) => limiter.check_blocking(),
        Err(error) => return Some(Check::failed(NAME, error.to_string(), "fix redis.url")),
    };
    Some(match report {
        Ok(report) => judge(&url.to_string(), &report),
        Err(error) => Check::failed(NAME, format!("{url}: {error}"), remedy(&error)),
    })
}

fn judge(url: &str, report: &ServerReport) -> Check {
    let ServerReport { version, max_memory, eviction_policy } = report;
    if version.is_empty() {
        let detail = format!("{url} answers and can be written to; its version is not readable");
        return Check::warning(NAME, detail, "permit the command INFO to its user");
    }
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < FIRST_MAJOR) {
        let detail = format!("{url} has version {version}");
        return Check::failed(NAME, detail, format!("install version {FIRST_MAJOR} or later"));
    }
    let memory = match max_memory {
        0 => "no maximum memory".to_owned(),
        bytes => format!("{} MiB at most", bytes.div_ceil(1 << 20)),
    };
    let detail = format!("{url} answers and can be written to: version {version}, {memory}");
    // Every key of the limiter expires, so each of the other policies evicts it.
    if *max_memory > 0 && eviction_policy != "noeviction" {
        let detail = format!("{detail}, and {eviction_policy} evicts limits when it is full");
        let remedy = "set maxmemory-policy noeviction; a full Redis makes limits per node, and an \
                      evicted limit begins again";
        return Check::warning(NAME, detail, remedy);
    }
    Check::ok(NAME, detail)
}

fn remedy(error: &CheckError) -> &'static str {
    match error.reason() {
        Some(FailureReason::Denied) => {
            "fix user and password in redis.url, or the rules of the user"
        }
        Some(FailureReason::OutOfMemory) => "raise maxmemory of Redis, or give it less data",
        Some(FailureReason::ReadOnly) => "name the primary in redis.url, or use redis+sentinel://",
        Some(FailureReason::Lost | FailureReason::Timeout) => {
            "start Redis, or fix redis.url (REDIS_URL); until then each node has limits of its own"
        }
        _ => "see the log of Redis",
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    fn report(version: &str, max_memory: u64, eviction_policy: &str) -> ServerReport {
        let eviction_policy = eviction_policy.to_owned();
        ServerReport { version: version.to_owned(), max_memory, eviction_policy }
    }

    #[test]
    fn old_versions_fail_and_eviction_is_a_warning() {
        for (report, status) in [
            (report("7.0.15", 0, "allkeys-lru"), Status::Ok),
            (report("8.2.1", 1 << 30, "noeviction"), Status::Ok),
            (report("7.0.15", 1 << 30, "volatile-ttl"), Status::Warning),
            (report("4.0.9", 0, "noeviction"), Status::Failed),
            (report("", 0, ""), Status::Warning),
        ] {
            let check = judge("localhost:6379", &report);
            assert_eq!(check.status, status, "{check:?}");
            assert_eq!(check.remedy.is_some(), status != Status::Ok);
        }
    }
}
