//! What every area builds on.

use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_storage::Store;
use portcullis_token::SecretKey;

use crate::config::Config;

/// What every area builds on.
pub struct Foundation {
    /// The checked configuration.
    pub config: Config,
    /// The database, with its schema up to date.
    pub store: Arc<Store>,
    /// The secret that the data is sealed under; every key is derived from it.
    pub secret: SecretKey,
    /// Time and randomness.
    pub ambient: Ambient,
}
