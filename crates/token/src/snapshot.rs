use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::Serialize;

use crate::jwt::{Issued, Kind};
use crate::payload::{Text, payload};
use crate::{Purpose, TokenError, base64url};

/// What the last line of a snapshot of all revocations says about the lines before it, so that a
/// service can tell a whole snapshot from a cut or changed one, whoever carried it.
///
/// It is signed with the key of access tokens, because the services that follow revocations know no
/// other; the header `typ`, the audience and the claim `type` keep the two apart. Times have whole
/// seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotClaims {
    /// Where the feed goes on; the claim `cursor`.
    pub cursor: String,
    /// How many entries the snapshot has; the claim `entries`.
    pub entries: u64,
    /// SHA-256 of all bytes before the last line; the claim `jti`, in base64url.
    pub digest: [u8; 32],
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

impl SnapshotClaims {
    /// How long a snapshot may be used to begin with; also the bound to give its verifier. An older
    /// one could come from somebody who keeps back what was revoked since.
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

impl Issued for SnapshotClaims {
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
