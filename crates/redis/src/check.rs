//! The check of a Redis for the command `doctor`.

use std::io;
use std::time::Duration;

use deadpool_redis::redis::cmd;
use portcullis_rate_limit::{Demand, Quota, QuotaError, Subject};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::connection::query;
use crate::fault::{FailureReason, Fault};
use crate::limiter::RedisLimiter;

/// A server that answers and that the limiter can write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// The version of Redis, or the one that a compatible server claims. Empty if the user may not
    /// ask for it; then the next fields are empty too.
    pub version: String,
    /// The maximum memory in bytes; 0 without a maximum.
    pub max_memory: u64,
    /// The policy at full memory, such as `noeviction`.
    pub eviction_policy: String,
}

/// The error of a server that the limiter cannot use.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct CheckError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Quota(#[from] QuotaError),
    #[error(transparent)]
    Runtime(#[from] io::Error),
}

impl CheckError {
    /// The reason; `None` if the check could not begin.
    pub fn reason(&self) -> Option<FailureReason> {
        match &self.0 {
            Cause::Fault(fault) => Some(fault.reason()),
            Cause::Quota(_) | Cause::Runtime(_) => None,
        }
    }
}

/// A call of `doctor` may take longer than a call of the server.
const TIMEOUT: Duration = Duration::from_secs(2);

/// On the server of the key, in a cluster too.
const INFO: &str = "return {redis.pcall('INFO', 'server'), redis.pcall('INFO', 'memory')}";

impl RedisLimiter {
    /// Checks that the server answers and runs the script, and reads its version and its memory
    /// policy. It writes one key, which expires after a second.
    ///
    /// # Errors
    ///
    /// If the limiter could not use the server now.
    pub async fn check(&self) -> Result<ServerReport, CheckError> {
        Ok(self.examine().await?)
    }

    /// As [`check`](Self::check), in a runtime of its own. Not for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As `check`.
    pub fn check_blocking(&self) -> Result<ServerReport, CheckError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Cause::from)?;
        runtime.block_on(self.check())
    }

    async fn examine(&self) -> Result<ServerReport, Cause> {
        let quota = Quota::sliding("doctor", 1_000, Duration::from_secs(1))?;
        let demands = [Demand { quota: &quota, subject: Subject::Id([0; 16]) }];
        timeout(TIMEOUT, self.decide(&demands)).await.map_err(Fault::from)??;
        let mut info = cmd("EVAL");
        info.arg(INFO).arg(1).arg(&self.prefix);
        // A user may be permitted to run the script, and not to read this.
        let texts = timeout(TIMEOUT, query::<Vec<String>>(&self.pool, &info)).await;
        let text = texts.map_err(Fault::from)?.unwrap_or_default().concat();
        Ok(ServerReport {
            version: field(&text, "redis_version").to_owned(),
            max_memory: field(&text, "maxmemory").parse().unwrap_or_default(),
            eviction_policy: field(&text, "maxmemory_policy").to_owned(),
        })
    }
}

/// The value of a line `name:value`, or an empty text.
fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    info.lines().find_map(value).unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Memory\r\nmaxmemory_human:1M\r\nmaxmemory:1048576\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(field(info, "maxmemory"), "1048576");
        assert_eq!(field(info, "maxmemory_policy"), "noeviction");
        assert_eq!(field(info, "redis_version"), "");
    }
}
