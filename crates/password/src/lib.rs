#![doc = include_str!("../README.md")]

mod common_passwords;
mod context;
mod fair_queue;
mod guessability;
mod hash;
mod hasher;
mod params;
mod password;
mod policy;
mod pool;
mod remainder;
mod scratch;
mod violation;
mod worker;

pub use context::Context;
pub use hash::{HashError, PasswordHash};
pub use hasher::{Hasher, Verdict};
pub use params::{Argon2Params, ParamsError};
pub use password::{Password, PasswordTooLong};
pub use policy::Policy;
pub use pool::{HashingError, HashingPool, Overloaded, Place, PoolSettings};
pub use scratch::Scratch;
pub use violation::Violation;
