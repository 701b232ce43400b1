//! The shared limiter: the windows of all nodes in one Redis.
//!
//! **One call.** A request is one call of a script (`limiter.lua`), whatever the number of its
//! demands. Redis runs scripts one at a time, so the call is atomic among all nodes.
//!
//! **Time** is that of the Redis server, so the clocks of the nodes need not agree. A step forward
//! frees requests early, as it lets keys expire. A step backward frees none and prolongs no wait
//! beyond one window.
//!
//! **Memory.** An exact quota keeps one time for each accepted request, at most `limit` of them; a
//! GCRA quota keeps one. Refused requests are not stored. Every key expires when its window ends.
//!
//! **Cluster.** The keys of a deployment have one hash tag and lie in one slot, because one script
//! may use only keys of one slot. So a cluster makes the limits available, and does not spread them.
//!
//! **Confidentiality.** Keys contain names of quotas, addresses, ids and keyed digests, and nothing
//! that a client has typed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::Script;
use portcullis_rate_limit::{Demand, SharedLimiter, States, Unavailable};
use portcullis_token::Digest;
use tokio::time::timeout;

use crate::call::Call;
use crate::connection::{Endpoint, Pool, SetupError, pool, query};
use crate::fault::{FailureReason, Fault};
use crate::status::Status;
use crate::url::RedisUrl;

const SCRIPT: &str = include_str!("limiter.lua");

/// The timeout of a whole call: waiting, connecting and the answer.
const TIMEOUT: Duration = Duration::from_millis(300);

/// The maximum number of connections of one node. A call uses one for about 0.1 ms.
const MAX_CONNECTIONS: usize = 8;

/// A limiter whose windows all nodes share.
///
/// It answers or fails within 0.3 s. [`portcullis_rate_limit::Limiter::shared`] adds the windows of
/// this node, which decide when it fails.
pub struct RedisLimiter {
    pub(crate) pool: Pool,
    /// The beginning of all keys, with the hash tag of the deployment.
    pub(crate) prefix: String,
    script: String,
    digest: String,
    status: Status,
}

impl RedisLimiter {
    /// Creates the limiter without connecting. Deployments with different issuers share no window,
    /// even on one Redis.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn new(url: &RedisUrl, issuer: &str) -> Result<Self, SetupError> {
        Self::with_script(url, issuer, SCRIPT.to_owned())
    }

    fn with_script(url: &RedisUrl, issuer: &str, script: String) -> Result<Self, SetupError> {
        Ok(Self {
            pool: pool(Arc::new(Endpoint::new(url)?), MAX_CONNECTIONS)?,
            prefix: format!("{{portcullis:{}}}:limit:", Digest::of(issuer)),
            digest: Script::new(&script).get_hash().to_owned(),
            script,
            status: Status::new(),
        })
    }

    /// The failed calls so far, by reason.
    pub fn failures(&self) -> impl Iterator<Item = (FailureReason, u64)> {
        self.status.failures()
    }

    /// Whether the last call was answered. True before the first one.
    pub fn is_up(&self) -> bool {
        !self.status.is_lost()
    }

    /// As [`SharedLimiter::acquire`], with the fault, and without counting it.
    pub(crate) async fn decide(&self, demands: &[Demand<'_>]) -> Result<States, Fault> {
        let call = Call::new(&self.prefix, demands);
        let by_digest = call.command("EVALSHA", &self.digest);
        let answer = match query::<Vec<u64>>(&self.pool, &by_digest).await {
            Err(fault) if fault.is_unknown_script() => {
                // The server keeps the script from now on.
                query(&self.pool, &call.command("EVAL", &self.script)).await
            }
            result => result,
        };
        call.states(&answer?).ok_or(Fault::Answer)
    }
}

impl SharedLimiter for RedisLimiter {
    fn acquire<'a>(
        &'a self,
        demands: &'a [Demand<'a>],
    ) -> Pin<Box<dyn Future<Output = Result<States, Unavailable>> + Send + 'a>> {
        Box::pin(async move {
            if demands.is_empty() {
                return States::new(&[]).map_err(|_| Unavailable);
            }
            let result = timeout(TIMEOUT, self.decide(demands)).await;
            match result.unwrap_or_else(|elapsed| Err(elapsed.into())) {
                Ok(states) => {
                    self.status.succeeded();
                    Ok(states)
                }
                Err(fault) => {
                    self.status.failed(&fault);
                    Err(Unavailable)
                }
            }
        })
    }
}

impl std::fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLimiter").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
