//! Claims of the signature line of a revocation snapshot.

use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::Serialize;

use crate::jwt::{Kind, SignedKind};
use crate::payload::{Text, payload};
use crate::{Purpose, TokenError, base64url};

/// The claims of the last line of a revocation snapshot. It signs the lines before it, so that a
/// service detects a truncated or changed snapshot, whatever transport was used.
///
/// It is signed with the key of access tokens, because the services that follow revocations know no
/// other key. The header `typ`, the audience and the claim `type` separate the two kinds. Times
/// have whole seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotClaims {
    /// The position from which the feed continues; the claim `cursor`.
    pub cursor: String,
    /// The number of entries in the snapshot; the claim `entries`.
    pub entries: u64,
    /// SHA-256 of all bytes before the last line; the claim `jti`, in base64url.
    pub digest: [u8; 32],
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

impl SnapshotClaims {
    /// The maximum age of a snapshot at the start of a follower; also the lifetime limit for its
    /// verifier. An older one could come from an attacker who withholds later revocations.
    pub const LIFETIME: Duration = Duration::from_secs(5 * 60);
}

payload! {
    /// The claims in the order in which they are written.
    SnapshotPayload {
        #[serde(borrow)]
        cursor: Text<'a>,
        entries: u64,
    }
}

impl Kind for SnapshotClaims {
    const TYP: &'static str = "rs+jwt";
    const TYPE: Option<&'static str> = Some("revocations");
    const AUDIENCE_SUFFIX: &'static str = "/revocations";
    type Payload<'a> = SnapshotPayload<'a>;

    fn read(payload: SnapshotPayload<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            cursor: payload.cursor.to_string(),
            entries: payload.entries,
            digest: base64url::decode_exact(&payload.jti).ok_or(TokenError::Malformed)?,
            issued_at: Timestamp::from_seconds(payload.iat),
            expires_at: Timestamp::from_seconds(payload.exp),
        })
    }
}

impl SignedKind for SnapshotClaims {
    const PURPOSE: Purpose = Purpose::AccessToken;

    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize {
        SnapshotPayload {
            iss: issuer.into(),
            aud: audience.into(),
            sub: issuer.into(),
            jti: base64url::encode(self.digest).into(),
            iat: self.issued_at.as_seconds(),
            exp: self.expires_at.as_seconds(),
            nbf: None,
            kind_of_token: Self::TYPE.map(Text::from),
            cursor: self.cursor.as_str().into(),
            entries: self.entries,
        }
    }
}
