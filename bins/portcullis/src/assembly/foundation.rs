//! The common dependencies of all areas.

use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_storage::Store;
use portcullis_token::SecretKey;

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
