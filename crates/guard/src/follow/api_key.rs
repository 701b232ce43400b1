//! API keys: the server is asked about each (RFC 7662), and its answer is used for half a second.
//!
//! The server itself may be half a second behind a change that another of its nodes has made. So a key that
//! was revoked, whose owner was deactivated or whose role was changed is refused within a second. While a
//! question is under way, no second one is asked about the same key of the same client.

mod cache;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_token::ApiKey;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use self::cache::{Answer, Asked, Cache, Place};
use super::Fault;
use super::authority::Authority;
use super::introspection::ActiveKey;
use crate::client_address::ClientAddress;
use crate::parts::WhenStale;

/// Checks API keys at the server.
pub(crate) struct ApiKeys {
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    when_stale: WhenStale,
    cache: Mutex<Cache>,
    /// Bounds the questions that are under way or wait.
    pending: Arc<Semaphore>,
    /// Bounds the questions that are under way.
    calls: Semaphore,
    is_lost: AtomicBool,
}

/// The reason why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRefusal {
    /// The key is not active, or not for this client.
    Inactive,
    /// The server has not answered.
    Unchecked,
}

/// The result of a check.
pub(crate) type Checked = Result<Arc<ActiveKey>, KeyRefusal>;

/// The timeout of a question, with the wait for its turn.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_CALLS: usize = 32;
const MAX_PENDING: usize = 256;

/// The time for which a key is accepted without an answer of the server, with [`WhenStale::Accept`].
const MAX_AGE_WITHOUT_SERVER: Duration = Duration::from_secs(10 * 60);

impl ApiKeys {
    pub(super) fn new(
        authority: Arc<Authority>,
        clock: Arc<dyn Clock>,
        when_stale: WhenStale,
    ) -> Self {
        Self {
            authority,
            clock,
            when_stale,
            cache: Mutex::default(),
            pending: Arc::new(Semaphore::new(MAX_PENDING)),
            calls: Semaphore::new(MAX_CALLS),
            is_lost: AtomicBool::new(false),
        }
    }

    /// The result for a key that the server was asked about just now; `None` if it must be asked.
    pub(crate) fn known(&self, text: &str, client: Option<ClientAddress>) -> Option<Checked> {
        let Ok(key) = ApiKey::parse(text) else { return Some(Err(KeyRefusal::Inactive)) };
        let place = place(&key, client);
        let answer = self.cache().answer(&place, self.clock.monotonic())?;
        Some(self.judge(answer, &place))
    }

    /// Checks a key, and asks the server if that was not done just now. A text that is no key costs no
    /// question.
    pub(crate) async fn check(
        self: &Arc<Self>,
        text: &str,
        client: Option<ClientAddress>,
    ) -> Checked {
        let key = ApiKey::parse(text).map_err(|_| KeyRefusal::Inactive)?;
        let place = place(&key, client);
        let arrived = self.clock.monotonic();
        loop {
            let Some(mut asked) = self.asked(&key, &place, arrived) else {
                return self.judge(Answer::Unchecked, &place);
            };
            let answer = asked.answer().await;
            // An answer to an early question says nothing about changes since; then the next one is later
            // than the request.
            if answer.is_current(arrived.saturating_sub(asked.at)) {
                return self.judge(answer, &place);
            }
        }
    }

    /// The question about this key that is under way or was answered just now, or a new one; `None` if too
    /// many are under way.
    fn asked(self: &Arc<Self>, key: &ApiKey, place: &Place, arrived: Duration) -> Option<Asked> {
        let mut cache = self.cache();
        if let Some(asked) = cache.asked(place, arrived) {
            return Some(asked);
        }
        let permit = Arc::clone(&self.pending).try_acquire_owned().ok()?;
        let (question, asked) = cache.begin(place.clone(), self.clock.monotonic());
        drop(cache);
        let (keys, key, place) = (Arc::clone(self), key.clone(), place.clone());
        // A task of its own: a client that disconnects does not end the question for the others.
        tokio::spawn(async move {
            let answer = keys.ask(&key, &place, permit).await;
            keys.cache().answered(&place, &question, answer);
        });
        Some(asked)
    }

    async fn ask(&self, key: &ApiKey, place: &Place, _pending: OwnedSemaphorePermit) -> Answer {
        let asking = async {
            let _turn = self.calls.acquire().await;
            self.authority.introspect(key.expose(), place.client).await
        };
        match timeout(ANSWER_TIMEOUT, asking).await.unwrap_or(Err(Fault::Silent)) {
            Ok(active) => {
                if self.is_lost.swap(false, Ordering::Relaxed) {
                    tracing::info!("API keys can be checked again");
                }
                active.map_or(Answer::Inactive, |key| Answer::Active(Arc::new(key)))
            }
            Err(fault) => {
                if !self.is_lost.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%fault, "API keys cannot be checked");
                }
                Answer::Unchecked
            }
        }
    }

    fn judge(&self, answer: Answer, place: &Place) -> Checked {
        let active = match answer {
            Answer::Active(active) => active,
            Answer::Inactive => return Err(KeyRefusal::Inactive),
            Answer::Unchecked if self.when_stale == WhenStale::Accept => {
                let oldest = self.clock.monotonic().saturating_sub(MAX_AGE_WITHOUT_SERVER);
                self.cache().last_active(place, oldest).ok_or(KeyRefusal::Unchecked)?
            }
            Answer::Unchecked => return Err(KeyRefusal::Unchecked),
        };
        let is_over = active.expires_at <= self.clock.now();
        if is_over { Err(KeyRefusal::Inactive) } else { Ok(active) }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("cached", &self.cache().len()).finish_non_exhaustive()
    }
}

fn place(key: &ApiKey, client: Option<ClientAddress>) -> Place {
    Place { digest: Sha256::digest(key.expose()).into(), client }
}
