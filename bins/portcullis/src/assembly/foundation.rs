//! The common dependencies of all areas.

use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_mfa::SeedKey;
use portcullis_storage::Store;
use portcullis_token::{Purpose, SecretKey};

use crate::config::Config;

/// The common dependencies of all areas.
pub struct Foundation {
    /// The checked configuration.
    pub config: Config,
    /// The database, with its schema up to date.
    pub store: Arc<Store>,
    /// The secret key; every other key is derived from it.
    pub secret: SecretKey,
    /// Clock and randomness.
    pub ambient: Ambient,
}

impl Foundation {
    /// As [`seal`].
    pub(super) fn seal(&self, purpose: Purpose) -> SeedKey {
        seal(&self.secret, &self.config, purpose)
    }
}

/// The key that seals what is stored for this purpose. It opens what the previous secret key sealed too.
pub(super) fn seal(secret: &SecretKey, config: &Config, purpose: Purpose) -> SeedKey {
    let key = SeedKey::new(secret.derive(purpose));
    match &config.tokens.previous {
        Some(previous) => key.accepting(previous.derive(purpose)),
        None => key,
    }
}
