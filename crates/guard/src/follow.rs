//! The connection of a guard to the authentication server: published keys, the signed snapshot of
//! all revocations, and the revocation feed that continues from there.
//!
//! Two tasks do the work, one for the keys and one for the feed, each with at most one connection. Questions
//! about API keys are asked beside them.
//! They end with the last handle to the guard. All responses are bounded in size, and none of them
//! can grant access except the answer about an API key: keys come over the connection that the operator configured, and a revocation
//! can only refuse.

pub(crate) mod api_key;
mod authority;
mod back_off;
mod events;
mod fault;
mod feed;
pub(crate) mod following;
mod introspection;
mod keys;
mod lines;
pub(crate) mod settings;
mod snapshot;

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::SecretString;
use portcullis_token::{KeySet, SnapshotClaims};

pub use self::fault::{ConnectError, Fault};
use crate::parts::GuardSettings;
use crate::revocation_state::RevocationState;
use crate::{Guard, GuardBuilder};
use api_key::ApiKeys;
use authority::{Authority, Credential};
use feed::Feed;
use following::Following;
use keys::Keys;
use settings::Settings;
use snapshot::Snapshots;

impl GuardBuilder {
    /// The name and the secret of this service, as printed by `portcullis service credential NAME`, or the
    /// name and an API key of a service account. The server serves its revocations only to services with a credential.
    #[must_use]
    pub fn credential(mut self, name: &str, secret: impl Into<SecretString>) -> Self {
        self.settings.credential = Some(Credential::new(name, secret.into()));
        self
    }

    /// Accepts the API keys of developers and service accounts too. The server is asked about each key, at
    /// most twice a second for each client of the key, so the credential of this service must be for
    /// `token:introspect`. A revoked key is refused within a second.
    ///
    /// While the server does not answer within 2 s, keys are refused with 503; with [`WhenStale::Accept`], a
    /// key that was accepted in the last ten minutes is accepted. Default: no key is accepted.
    ///
    /// [`WhenStale::Accept`]: crate::WhenStale::Accept
    #[must_use]
    pub const fn api_keys(mut self) -> Self {
        self.settings.api_keys = true;
        self
    }

    /// The URL of the server for this service, if it is not the issuer's URL.
    #[must_use]
    pub fn reached_at(mut self, url: &str) -> Self {
        self.settings.address = Some(url.to_owned());
        self
    }

    /// Allows `http://` to another machine, for a network that no attacker can read or write: an
    /// attacker in it could choose the trusted keys.
    #[must_use]
    pub const fn allow_plaintext(mut self) -> Self {
        self.settings.plaintext = true;
        self
    }

    /// The maximum silence of the feed before it counts as disconnected and a new connection is
    /// made. Default: 5 s, which is five heartbeats.
    #[must_use]
    pub const fn longest_silence(mut self, silence: Duration) -> Self {
        self.settings.silence = silence;
        self
    }

    /// Builds a guard that has fetched the published keys and all revocations, and that follows the
    /// server on the current tokio runtime from now on.
    ///
    /// Fails when the server cannot be reached, because a service that cannot verify tokens should
    /// not start. Later failures are logged, are visible in [`Guard::staleness`], and recover
    /// without action.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(mut self) -> Result<Guard, ConnectError> {
        let Settings { address, credential, plaintext, silence, api_keys } =
            std::mem::take(&mut self.settings);
        let address = address.as_deref().unwrap_or(&self.issuer);
        let issuer = self.issuer.clone();
        let credential = credential.ok_or(ConnectError::NoCredential)?;
        let authority = Arc::new(Authority::new(address, issuer, credential, plaintext, silence)?);

        let published = match &self.shared {
            None => Some(authority.keys().await?),
            Some(_) => None,
        };
        if published.as_ref().is_some_and(|published| published.keys.is_empty()) {
            return Err(ConnectError::NoKeys);
        }
        let key_set = match (&published, &self.shared) {
            (Some(published), _) => published.keys.clone(),
            (None, Some(shared)) => shared.clone(),
            (None, None) => KeySet::default(),
        };
        let access = Arc::new(self.access_verifier(key_set.clone()));
        let signed = Arc::new(self.verifier(key_set, SnapshotClaims::LIFETIME));

        let known = Arc::new(RevocationState::following(self.parts.clock.clone()));
        let snapshots = Snapshots::new(signed.clone(), known.clone(), self.parts.clock.clone());
        let cursor = snapshots.take(&authority).await?;

        let keys = published.map(|published| {
            Keys::new(authority.clone(), access.clone(), signed, published.max_age)
        });
        let api_keys = api_keys.then(|| {
            let GuardSettings { clock, when_stale, .. } = &self.parts;
            Arc::new(ApiKeys::new(authority.clone(), clock.clone(), *when_stale))
        });
        let feed = Feed::begin(authority, snapshots, known.clone(), cursor).await?;
        let following = Following::start(keys, feed, api_keys);
        Ok(Guard::following(self.parts, access, known, following))
    }
}
