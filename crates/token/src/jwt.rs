//! The one way in which a token of any kind is signed, and the one way in which it is checked.
//!
//! Each kind differs from every other in three things, each of which alone makes a verifier refuse
//! it: the header `typ` (RFC 8725 section 3.11), the audience, and the key. A fourth, the claim
//! `type`, is there for verifiers elsewhere that look at nothing else.
//!
//! Nothing here reads a clock; jsonwebtoken is used for the signature only, because its claim checks
//! accept what they must not (a missing `iss`, a list as `aud`, a fractional `exp`).

use std::marker::PhantomData;
use std::time::Duration;

use portcullis_domain::{SecretString, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jws::{Compact, Header};
use crate::key_set::SigningKey;
use crate::payload::{self, Payload, Registered};
use crate::{KeySet, Purpose, base64url};

/// How far the clocks of issuer and verifier may differ.
pub const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS.unsigned_abs());

const LEEWAY_SECONDS: i64 = 5;

/// Checks tokens of one kind.
#[derive(Debug)]
pub struct Verifier<C> {
    keys: KeySet,
    issuer: String,
    audience: String,
    maximum_lifetime: i64,
    kind: PhantomData<fn() -> C>,
}

impl<C: Claims> Verifier<C> {
    /// Accepts tokens of `issuer` for `audience`, both compared letter by letter. `audience` is the
    /// one that access tokens carry; the kinds that only the issuer itself reads derive theirs
    /// from it. A token made to live longer than `maximum_lifetime` is refused, so that a key that
    /// leaked once cannot have signed one for all eternity.
    pub fn new(keys: KeySet, issuer: &str, audience: &str, maximum_lifetime: Duration) -> Self {
        Self {
            keys,
            issuer: issuer.to_owned(),
            audience: [audience, C::AUDIENCE_SUFFIX].concat(),
            maximum_lifetime: i64::try_from(maximum_lifetime.as_secs()).unwrap_or(i64::MAX),
            kind: PhantomData,
        }
    }

    /// What the token says, if all of it holds at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        let compact = Compact::split(token)?;
        let header = compact.decode_header()?;
        let header = Header::parse(&header)?;
        if header.typ.as_deref() != Some(C::TYP) {
            return Err(TokenError::WrongKind);
        }
        let key = self.keys.find(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        let json = compact.verify(&header, key)?;
        let payload: C::Payload<'_> = payload::object(&json)?;
        self.check(&payload.registered(), now.as_seconds())?;
        C::read(payload)
    }

    /// RFC 7519 section 4.1 and RFC 8725 section 3, in whole seconds.
    fn check(&self, claims: &Registered<'_>, now: i64) -> Result<(), TokenError> {
        if claims.iss != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if claims.aud != self.audience {
            return Err(TokenError::WrongAudience);
        }
        if claims.kind != C::TYPE {
            return Err(TokenError::WrongKind);
        }
        if claims.sub.is_empty() || claims.jti.is_empty() {
            return Err(TokenError::Malformed);
        }
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        let valid_from = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        if valid_from.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(TokenError::NotYetValid);
        }
        if !(1..=self.maximum_lifetime).contains(&claims.exp.saturating_sub(claims.iat)) {
            return Err(TokenError::WrongLifetime);
        }
        Ok(())
    }

    pub(crate) fn accept(&mut self, key: crate::VerifyingKey) {
        self.keys = self.keys.clone().with(key);
    }
}

/// Signs tokens of one kind.
#[derive(Debug)]
pub(crate) struct Signer<C> {
    key: SigningKey,
    header: String,
    issuer: String,
    audience: String,
    kind: PhantomData<fn(&C)>,
}

impl<C: Issued> Signer<C> {
    pub(crate) fn new(key: SigningKey, issuer: &str, audience: &str) -> Self {
        // Neither an algorithm, a type nor a name in base64url needs escapes.
        let header =
            format!(r#"{{"alg":"{}","typ":"{}","kid":"{}"}}"#, key.algorithm(), C::TYP, key.kid());
        Self {
            key,
            header: base64url::encode(header),
            issuer: issuer.to_owned(),
            audience: [audience, C::AUDIENCE_SUFFIX].concat(),
            kind: PhantomData,
        }
    }

    /// The same claims give the same token, byte for byte.
    #[expect(clippy::expect_used, reason = "texts, numbers and words always have a JSON form")]
    pub(crate) fn sign(&self, claims: &C) -> SecretString {
        let json = serde_json::to_vec(&claims.write(&self.issuer, &self.audience))
            .expect("claims have a JSON form");
        let mut token = String::with_capacity(self.header.len() + 2 * json.len() + 64);
        token.push_str(&self.header);
        token.push('.');
        base64url::encode_onto(&mut token, json);
        let signature = self.key.sign(&token);
        token.push('.');
        token.push_str(&signature);
        SecretString::from(token)
    }
}

/// The claims of a kind of token; see the types that implement it.
pub trait Claims: Kind {}

impl<C: Kind> Claims for C {}

/// What sets a kind of token apart. Public in name only: kinds are added in this crate.
pub trait Kind: Sized {
    /// The header `typ`.
    const TYP: &'static str;
    /// The claim `type`; `None` if there must be none.
    const TYPE: Option<&'static str>;
    /// What the audience has after that of access tokens.
    const AUDIENCE_SUFFIX: &'static str;
    /// The claims as JSON has them.
    type Payload<'a>: Deserialize<'a> + Payload;

    /// Parses what the payload says beyond the registered claims.
    fn read(payload: Self::Payload<'_>) -> Result<Self, TokenError>;
}

/// A kind that this crate also signs.
pub(crate) trait Issued: Kind {
    /// What its key is derived for.
    const PURPOSE: Purpose;

    /// The payload to sign.
    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize;
}

/// Why a token is refused. For logs and metrics: the caller who sent it is told 401 and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too long, not three parts, not strict base64url, a forbidden header member, or a claim that
    /// is missing, doubled or of the wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// A token of another kind, by its header `typ` or its claim `type`.
    #[error("the token is of another kind")]
    WrongKind,
    /// No key has the name that the token gives.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The header does not name the algorithm of the key.
    #[error("the token names another algorithm than its key has")]
    WrongAlgorithm,
    /// Changed, or signed by somebody else.
    #[error("the signature of the token does not match")]
    BadSignature,
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// Before its beginning, or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made to live longer than its kind may.
    #[error("the token has a lifetime that its kind cannot have")]
    WrongLifetime,
    /// From another issuer.
    #[error("the token comes from another issuer")]
    WrongIssuer,
    /// For somebody else.
    #[error("the token is meant for another audience")]
    WrongAudience,
}
