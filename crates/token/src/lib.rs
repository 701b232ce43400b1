#![doc = include_str!("../README.md")]

mod access;
mod base64url;
mod csrf;
mod device;
pub mod jws;
mod jwt;
mod key_set;
mod mac;
mod opaque;
mod payload;
mod refresh;
mod registered;
mod revocation;
mod secret_key;
mod tokens;

pub use access::{AccessClaims, AuthenticationMethod};
pub use csrf::CsrfKey;
pub use device::{DeviceClaims, DeviceId, DeviceIdError};
pub use jwt::{Claims, LEEWAY, TokenError, Verifier};
pub use key_set::{KeySet, VerifyingKey};
pub use opaque::{Digest, DigestError, OpaqueSecret, OpaqueSecretError};
pub use refresh::RefreshClaims;
pub use registered::RegisteredClaims;
pub use revocation::RevocationSet;
pub use secret_key::{Purpose, SecretKey, SecretKeyError};
pub use tokens::{Lifetimes, TokenAuthority, TokenSettings};
