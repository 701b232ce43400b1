#![doc = include_str!("../README.md")]

#[cfg(feature = "breach")]
mod breach;
mod common_passwords;
mod context;
mod fair_queue;
mod guessability;
mod hash;
mod hash_cost;
mod hasher;
mod params;
mod passphrase;
mod password;
mod pepper;
mod places;
mod policy;
mod pool;
mod pool_settings;
mod remainder;
mod scratch;
mod verbs;
mod violation;
mod worker;

#[cfg(feature = "breach")]
pub use breach::{
    BreachDigest, BreachFilter, BreachFilterBuilder, BreachFilterError, BreachFilterSummary,
    BreachService, BreachServiceError, MalformedRange,
};
#[cfg(feature = "range-service")]
pub use breach::{RangeService, RangeServiceError};
pub use context::Context;
pub use hash::{HashError, PasswordHash};
pub use hash_cost::HashCost;
pub use hasher::{Hasher, VerificationResult};
pub use params::{Argon2Params, ParamsError};
pub use passphrase::{PassphraseError, key_of_passphrase};
pub use password::{Password, PasswordTooLong};
pub use pepper::{Pepper, PepperId, Peppers};
pub use places::HashingPermit;
pub use policy::Policy;
pub use pool::{HashingError, HashingPool, Overloaded};
pub use pool_settings::PoolSettings;
pub use scratch::Scratch;
pub use verbs::{PasswordError, hash, needs_rehash, verify};
pub use violation::Violation;

pub use portcullis_domain::{Clock, SecureRandom, SystemClock, SystemRandom};
