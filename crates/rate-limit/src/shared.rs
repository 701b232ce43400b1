//! The port of a shared limiter, and the limiter that falls back to windows of its own process.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::breaker::{Breaker, BreakerSettings, BreakerState};
use crate::demand::{Demand, MAX_DEMANDS, TooManyDemands};
use crate::limiter::LocalLimiter;
use crate::state::States;

/// The port of a limiter that several processes share.
///
/// An implementation answers or fails within a time well below the first wait of the breaker, one
/// second by default: timeouts are its duty, because this crate has no clock. It uses a clock of
/// its own, the same for all processes. It counts and logs its failures itself.
pub trait SharedLimiter: Send + Sync {
    /// Records a request under all its quotas if all of them permit it, and under none otherwise;
    /// atomic among all processes. The states are in the order of the demands. A demand that equals
    /// an earlier one counts once. There are at most [`MAX_DEMANDS`].
    fn acquire<'a>(
        &'a self,
        demands: &'a [Demand<'a>],
    ) -> Pin<Box<dyn Future<Output = Result<States, Unavailable>> + Send + 'a>>;
}

/// The error of a shared limiter that has not decided: lost, slow, full, read-only, or with an
/// answer that makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shared limiter is unavailable")]
pub struct Unavailable;

portcullis_domain::debug_as_display!(Unavailable);

/// A limiter of this process, or one shared with other processes that falls back to it.
///
/// While the shared limiter is unavailable, the windows of this process decide, with the same
/// numbers. There is no time without a limit. Requests that the shared limiter accepts are
/// recorded in the windows of this process too, so that the fallback does not begin empty. These
/// windows must permit a request as well: they know requests that a shared limiter has lost, or that
/// were accepted while it was unavailable. A [`Breaker`] spares callers the timeouts of a shared
/// limiter that has failed.
pub struct Limiter {
    local: Arc<LocalLimiter>,
    shared: Option<Shared>,
}

struct Shared {
    limiter: Arc<dyn SharedLimiter>,
    breaker: Mutex<Breaker>,
}

impl Limiter {
    /// A limiter of this process alone.
    pub const fn local_only(local: Arc<LocalLimiter>) -> Self {
        Self { local, shared: None }
    }

    /// A limiter that is shared with other processes.
    pub fn shared(
        limiter: Arc<dyn SharedLimiter>,
        local: Arc<LocalLimiter>,
        settings: BreakerSettings,
    ) -> Self {
        let breaker = Mutex::new(Breaker::new(settings));
        Self { local, shared: Some(Shared { limiter, breaker }) }
    }

    /// Records a request under all its quotas if all of them permit it, and under none otherwise.
    ///
    /// `now` reads a monotonic clock, as the time since any fixed start. It is read again after the
    /// wait for the shared limiter, so that the windows of this process end no earlier than those of
    /// the others. The future needs no runtime of its own, and may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`TooManyDemands`] beyond [`MAX_DEMANDS`].
    pub async fn acquire(
        &self,
        now: impl Fn() -> Duration,
        demands: &[Demand<'_>],
    ) -> Result<States, TooManyDemands> {
        if demands.len() > MAX_DEMANDS {
            return Err(TooManyDemands);
        }
        if self.shared.is_none() {
            return self.local.acquire(now(), demands);
        }
        let own = self.local.check(now(), demands)?;
        if !own.is_allowed() {
            return Ok(own);
        }
        let Some(states) = self.acquire_shared(&now, demands).await else {
            return self.local.acquire(now(), demands);
        };
        if states.is_allowed() {
            // Its states do not matter: the shared limiter has decided.
            self.local.acquire(now(), demands)?;
        }
        Ok(states)
    }

    /// The windows of this process, for quotas that are not shared, and for metrics and
    /// [`LocalLimiter::sweep`].
    pub fn local(&self) -> &Arc<LocalLimiter> {
        &self.local
    }

    /// The state of the breaker; `None` without a shared limiter.
    pub fn breaker_state(&self, now: Duration) -> Option<BreakerState> {
        self.shared.as_ref().map(|shared| shared.breaker().state(now))
    }

    async fn acquire_shared(
        &self,
        now: &impl Fn() -> Duration,
        demands: &[Demand<'_>],
    ) -> Option<States> {
        let shared = self.shared.as_ref()?;
        let permit = shared.breaker().admit(now())?;
        let result = shared.limiter.acquire(demands).await;
        let states = result.ok().filter(|states| states.len() == demands.len());
        match states {
            Some(_) => shared.breaker().succeeded(permit),
            None => shared.breaker().failed(permit, now()),
        }
        states
    }
}

impl Shared {
    /// Nothing under the lock panics, and a poisoned breaker is still a breaker.
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter")
            .field("local", &self.local)
            .field("is_shared", &self.shared.is_some())
            .finish_non_exhaustive()
    }
}
