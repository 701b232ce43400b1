//! The connection of a guard to the authentication server: published keys, the signed snapshot of
//! all revocations, and the revocation feed that continues from there.
//!
//! Two tasks do the work, one for the keys and one for the feed, each with at most one connection.
//! They end with the last handle to the guard. All responses are bounded in size, and none of them
//! can grant access: keys come over the connection that the operator configured, and a revocation
//! can only refuse.

mod authority;
mod back_off;
mod events;
mod fault;
mod feed;
pub(crate) mod following;
mod keys;
mod lines;
pub(crate) mod settings;
mod snapshot;

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::SecretString;
use portcullis_token::{KeySet, SnapshotClaims};

pub use self::fault::{ConnectError, Fault};
use crate::revocation_state::RevocationState;
use crate::{Guard, GuardBuilder};
use authority::{Authority, Credential};
use feed::Feed;
use following::Following;
use keys::Keys;
use settings::Settings;
use snapshot::Snapshots;

impl GuardBuilder {
    /// The name and the secret of this service, as printed by `portcullis service credential NAME`.
    /// The server serves its revocations only to services with a credential.
    #[must_use]
    pub fn credential(mut self, name: &str, secret: impl Into<SecretString>) -> Self {
        self.settings.credential = Some(Credential::new(name, secret.into()));
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
        let Settings { address, credential, plaintext, silence } =
            std::mem::take(&mut self.settings);
        let address = address.as_deref().unwrap_or(&self.issuer);
        let credential = credential.ok_or(ConnectError::NoCredential)?;
        let authority = Arc::new(Authority::new(address, credential, plaintext, silence)?);

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
        let feed = Feed::begin(authority, snapshots, known.clone(), cursor).await?;
        let following = Following::start(keys, feed);
        Ok(Guard::following(self.parts, access, known, following))
    }
}
