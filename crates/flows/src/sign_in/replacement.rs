//! Replacement of a session: the client continues in a new session, and its earlier tokens are
//! invalid.

use portcullis_domain::{Ambient, SessionId, Timestamp, TokenId};
use portcullis_token::{Digest, OpaqueSecret};

/// The session that replaces the calling one: same device, delivery and expiry, and the same time
/// of sign-in.
#[derive(Clone, Copy, Debug)]
pub struct ReplacementSession {
    /// Its id.
    pub session: SessionId,
    /// Its first refresh token.
    pub refresh: TokenId,
    /// Digest of its binding cookie, if its predecessor has one.
    pub binding: Digest,
}

impl ReplacementSession {
    /// Generates the ids and the binding cookie of a replacement.
    pub(crate) fn generate(now: Timestamp, ambient: &Ambient) -> (Self, OpaqueSecret) {
        let binding = OpaqueSecret::mint(&*ambient.random);
        let replacement = Self {
            session: SessionId::generate(now, &*ambient.random),
            refresh: TokenId::generate(now, &*ambient.random),
            binding: binding.digest(),
        };
        (replacement, binding)
    }
}
