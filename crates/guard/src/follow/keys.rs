//! Client of the published keys (RFC 7517): fetches them before they expire, and again for a token
//! with an unknown key. While the server is unreachable, the known keys stay in use.

use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{AccessClaims, SnapshotClaims, Verifier};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::Fault;
use super::authority::Authority;
use super::back_off::BackOff;

/// Updates the keys of two verifiers.
pub(crate) struct Keys {
    authority: Arc<Authority>,
    access: Arc<Verifier<AccessClaims>>,
    signed: Arc<Verifier<SnapshotClaims>>,
    max_age: Duration,
    /// The time of the last fetch that a token caused.
    looked: Mutex<Option<Instant>>,
}

impl Keys {
    pub(crate) fn new(
        authority: Arc<Authority>,
        access: Arc<Verifier<AccessClaims>>,
        signed: Arc<Verifier<SnapshotClaims>>,
        max_age: Duration,
    ) -> Self {
        Self { authority, access, signed, max_age, looked: Mutex::new(None) }
    }

    /// Fetches the keys repeatedly, each time at half of their maximum age.
    pub(crate) async fn run(&self) {
        let mut back_off = BackOff::default();
        let mut is_lost = false;
        let mut pause = self.max_age / 2;
        loop {
            sleep(pause).await;
            match self.fetch().await {
                Ok(max_age) => {
                    if std::mem::take(&mut is_lost) {
                        tracing::info!("the published keys can be fetched again");
                    }
                    back_off.reset();
                    pause = max_age / 2;
                }
                Err(fault) => {
                    if !std::mem::replace(&mut is_lost, true) {
                        tracing::warn!(%fault, "the published keys cannot be fetched");
                    }
                    pause = back_off.pause();
                }
            }
        }
    }

    /// Fetches the keys now, unless another token caused a fetch recently. Returns whether the keys
    /// were fetched since the call. Clients that send tokens with invented keys cause at most one
    /// request in [`COOL_DOWN`], even if they disconnect before the response.
    pub(crate) async fn look_again(self: &Arc<Self>) -> bool {
        let asked = Instant::now();
        let mut looked = self.looked.lock().await;
        match *looked {
            Some(at) if at > asked => return true,
            Some(at) if asked.duration_since(at) < COOL_DOWN => return false,
            _ => {}
        }
        *looked = Some(asked);
        let keys = self.clone();
        let fetching = tokio::spawn(async move { keys.fetch().await.is_ok() });
        let fetched = timeout(FETCH_TIMEOUT, fetching).await;
        *looked = Some(Instant::now());
        matches!(fetched, Ok(Ok(true)))
    }

    async fn fetch(&self) -> Result<Duration, Fault> {
        let published = self.authority.keys().await?;
        if published.keys.is_empty() {
            tracing::warn!("the server publishes no keys: every request is refused");
        }
        self.access.replace_keys(published.keys.clone());
        self.signed.replace_keys(published.keys);
        Ok(published.max_age)
    }
}

const COOL_DOWN: Duration = Duration::from_secs(10);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
