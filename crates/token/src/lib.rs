#![doc = include_str!("../README.md")]

mod access_token;
mod algorithm;
mod api_key;
mod base64url;
mod chunk_seal;
mod csrf_token;
mod device_token;
mod json_web_key_set;
pub mod jws;
mod jwt;
mod key_pair;
mod key_set;
mod mac;
mod opaque;
mod payload;
mod public_key;
mod refresh_token;
mod registered;
mod revocation;
mod revocation_filter;
mod revocation_set;
mod sealing;
mod secret_key;
mod shared_secret;
mod snapshot;
mod token_error;
mod tokens;
mod validity;
mod verified_cache;

pub use portcullis_domain::{
    AccountId, AccountKind, ApiKeyId, AssuranceLevel, AuthenticationMethod, Role, SessionId,
    Timestamp, TokenId,
};

pub use access_token::AccessClaims;
pub use algorithm::{KeyPairAlgorithm, SigningAlgorithm, SigningAlgorithmError};
pub use api_key::{ApiKey, ApiKeyError};
pub use chunk_seal::{CHUNK_OVERHEAD, ChunkError, ChunkSeal};
pub use csrf_token::CsrfKey;
pub use device_token::{DeviceClaims, DeviceId, DeviceIdError};
pub use json_web_key_set::{JsonWebKeySet, JsonWebKeySetError};
pub use jwt::{Claims, Verifier};
pub use key_pair::{KeyPair, UnsealedKey};
pub use key_set::{KeySet, VerifyingKey};
pub use opaque::{Digest, DigestError, OpaqueSecret, OpaqueSecretError};
pub use public_key::{PublicKey, PublicKeyError};
pub use refresh_token::RefreshClaims;
pub use registered::RegisteredClaims;
pub use revocation::{REVOCATION_MARGIN, Revocation, RevocationEntry};
pub use revocation_set::RevocationSet;
pub use sealing::{SealError, SealingKey};
pub use secret_key::{Purpose, SecretKey, SecretKeyError};
pub use shared_secret::{SharedSecret, SharedSecretError};
pub use snapshot::SnapshotClaims;
pub use token_error::TokenError;
pub use tokens::{AccessKeys, Lifetimes, TokenAuthority, TokenSettings};
pub use validity::LEEWAY;
