//! `GuardBuilder`: the configuration of a guard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_domain::{Clock, SystemClock};
use portcullis_token::{self as token, AccessClaims, KeySet, SharedSecret, Verifier, VerifyingKey};

use crate::Guard;
#[cfg(feature = "follow")]
use crate::follow::settings::Settings;
use crate::parts::{GuardSettings, WhenStale};
use crate::revocation_state::RevocationState;

/// The settings of a [`Guard`]; start with [`Guard::builder`].
pub struct GuardBuilder {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) shared: Option<KeySet>,
    pub(crate) parts: GuardSettings,
    remembered_tokens: usize,
    #[cfg(feature = "follow")]
    pub(crate) settings: Settings,
}

impl Guard {
    /// Starts a guard for tokens of `issuer` with the audience `audience`: exactly the settings
    /// `tokens.issuer` and `tokens.audience` of the server.
    pub fn builder(issuer: &str, audience: &str) -> GuardBuilder {
        GuardBuilder::new(issuer, audience)
    }
}

impl GuardBuilder {
    fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            shared: None,
            parts: GuardSettings {
                matrix: None,
                clock: Arc::new(SystemClock::new()),
                when_stale: WhenStale::Refuse,
                stale_after: STALE_AFTER,
            },
            remembered_tokens: 0,
            #[cfg(feature = "follow")]
            settings: Settings::default(),
        }
    }

    /// Sets the matrix for decisions. Without a matrix every question is refused.
    #[must_use]
    pub fn matrix(mut self, matrix: Matrix) -> Self {
        self.parts.matrix = Some(matrix);
        self
    }

    /// Accepts tokens under this key and fetches no published keys: for a server that signs with
    /// HS256. `portcullis keys shared-secret` prints the key. It can sign as well as verify, so it
    /// is only for services that may sign for every account. During a rotation of the secret pass
    /// both.
    #[must_use]
    pub fn shared_secret(mut self, secret: &SharedSecret) -> Self {
        let key = VerifyingKey::hs256(secret.as_bytes());
        self.shared = Some(match self.shared {
            Some(keys) => keys.with(key),
            None => key.into(),
        });
        self
    }

    /// Sets the treatment of valid tokens while the last update from the server is older than
    /// `after`. The server sends an update once a second, so a value below 3 s sometimes reports an
    /// outage that is none. Default: [`WhenStale::Refuse`] after 10 s.
    #[must_use]
    pub fn when_stale(mut self, then: WhenStale, after: Duration) -> Self {
        self.parts.when_stale = then;
        self.parts.stale_after = after;
        self
    }

    /// Caches about the last `tokens` verified access tokens: see [`Verifier::remembering`].
    /// Default: 0.
    #[must_use]
    pub fn remember_tokens(mut self, tokens: usize) -> Self {
        self.remembered_tokens = tokens;
        self
    }

    /// Uses another clock than the system clock: for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.parts.clock = clock;
        self
    }

    /// Builds a guard without a connection, which is therefore never stale. It knows the shared
    /// secret, and only the revocations that are added to [`Guard::revocations`]. For tests.
    pub fn offline(self) -> Guard {
        let keys = self.shared.clone().unwrap_or_default();
        let verifier = Arc::new(self.access_verifier(keys));
        let known = Arc::new(RevocationState::offline(self.parts.clock.clone()));
        Guard::alone(self.parts, verifier, known)
    }

    /// A verifier for tokens that the server signs, of any kind.
    pub(crate) fn verifier<C: token::Claims>(
        &self,
        keys: KeySet,
        longest_life: Duration,
    ) -> Verifier<C> {
        Verifier::new(keys, &self.issuer, &self.audience, longest_life)
    }

    /// A verifier for access tokens.
    pub(crate) fn access_verifier(&self, keys: KeySet) -> Verifier<AccessClaims> {
        self.verifier(keys, AccessClaims::MAX_LIFETIME).remembering(self.remembered_tokens)
    }
}

impl fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardBuilder")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// A dead connection is detected after 5 s and replaced within about one second more; both fit into
/// this time.
const STALE_AFTER: Duration = Duration::from_secs(10);
