//! Signing and verification of tokens (JWT), the same for every kind.
//!
//! Each kind differs from every other in three values, and each of them alone makes a verifier
//! refuse another kind: the header `typ` (RFC 8725 section 3.11), the audience, and the key (only
//! snapshots share the key of access tokens). A fourth value, the claim `type`, is for external
//! verifiers that check nothing else.
//!
//! This module reads no clock. jsonwebtoken is used for the signature only, because its claim
//! checks accept invalid values (a missing `iss`, a list as `aud`, a fractional `exp`).

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_domain::{SecretString, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jws::{self, Compact, Header};
use crate::key_set::SigningKey;
use crate::payload::{self, Payload, Registered};
use crate::validity::{Age, Validity};
use crate::verified_cache::{Verified, VerifiedCache};
use crate::{Digest, KeySet, Purpose, TokenError, VerifyingKey, base64url};

/// Verifies tokens of one kind.
#[derive(Debug)]
pub struct Verifier<C> {
    keys: ArcSwap<Keys<C>>,
    issuer: String,
    audience: String,
    maximum_lifetime: i64,
    kind: PhantomData<fn() -> C>,
}

impl<C: Claims> Verifier<C> {
    /// Accepts tokens of `issuer` for `audience`, both compared exactly. `audience` is that of the
    /// access tokens; the kinds that only the issuer reads derive their audience from it. A token
    /// with a lifetime above `maximum_lifetime` is refused, so that a key that leaked once cannot
    /// have signed a token that is valid for years.
    pub fn new(keys: KeySet, issuer: &str, audience: &str, maximum_lifetime: Duration) -> Self {
        Self {
            keys: ArcSwap::from_pointee(Keys::new(keys, 0)),
            issuer: issuer.to_owned(),
            audience: [audience, C::AUDIENCE_SUFFIX].concat(),
            maximum_lifetime: i64::try_from(maximum_lifetime.as_secs()).unwrap_or(i64::MAX),
            kind: PhantomData,
        }
    }

    /// Caches about the last `tokens` verified tokens by their digest: 16 bytes for each slot, and
    /// up to about 400 bytes for each token in use. A cached token skips the signature and the
    /// parsing of its claims. Its period of validity is checked at each use, and revocations are
    /// looked up as before.
    #[must_use]
    pub fn remembering(self, tokens: usize) -> Self {
        let keys = Keys::new(self.keys.load().all.clone(), tokens);
        Self { keys: ArcSwap::from_pointee(keys), ..self }
    }

    /// Replaces the accepted keys.
    pub fn replace_keys(&self, keys: KeySet) {
        let capacity = self.keys.load().verified.capacity();
        self.keys.store(Arc::new(Keys::new(keys, capacity)));
    }

    /// Returns the claims if the token is valid at `now`. After [`TokenError::UnknownKey`] the
    /// issuer may have a new key: fetch its keys again, but not for every such token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        self.verify_aged(token, now, Age::Unexpired)
    }

    /// Returns the claims if the token is valid, or was valid until it expired. An expired token
    /// identifies its former holder and grants no access: use it only to sign out.
    pub fn verify_expired(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        self.verify_aged(token, now, Age::Any)
    }

    fn verify_aged(&self, token: &str, now: Timestamp, age: Age) -> Result<C, TokenError> {
        let now = now.as_seconds();
        let compact = Compact::split(token)?;
        let keys = self.keys.load();
        if keys.verified.capacity() == 0 {
            return self.verify_once(&keys, &compact, now, age).map(|(_, claims)| claims);
        }
        let digest = Digest::of(token);
        if let Some(verified) = keys.verified.find(&digest) {
            verified.validity.check(now, age)?;
            return Ok(verified.claims.clone());
        }
        let (validity, claims) = self.verify_once(&keys, &compact, now, age)?;
        keys.verified.insert(Verified { digest, validity, claims: claims.clone() });
        Ok(claims)
    }

    fn verify_once(
        &self,
        keys: &Keys<C>,
        compact: &Compact<'_>,
        now: i64,
        age: Age,
    ) -> Result<(Validity, C), TokenError> {
        let key = match keys.of_usual_header(compact.header) {
            Some(key) => key,
            None => keys.of_header(compact)?,
        };
        compact.check_signature(key)?;
        let json = compact.decode_payload()?;
        let json = str::from_utf8(&json).map_err(|_| TokenError::Malformed)?;
        let payload = match C::find(json, &self.issuer, &self.audience) {
            Some(payload) => payload,
            None => payload::object(json)?,
        };
        let validity = self.check(&payload.registered(), now, age)?;
        Ok((validity, C::read(payload)?))
    }

    /// Checks the registered claims (RFC 7519 section 4.1, RFC 8725 section 3), in whole seconds.
    fn check(&self, claims: &Registered<'_>, now: i64, age: Age) -> Result<Validity, TokenError> {
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
        let from = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        let validity = Validity { from, until: claims.exp };
        validity.check(now, age)?;
        if !(1..=self.maximum_lifetime).contains(&claims.exp.saturating_sub(claims.iat)) {
            return Err(TokenError::WrongLifetime);
        }
        Ok(validity)
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }
}

/// The keys of a verifier, each with the header that this crate writes for it.
#[derive(Debug)]
struct Keys<C> {
    usual_headers: Vec<(String, VerifyingKey)>,
    all: KeySet,
    verified: VerifiedCache<C>,
}

impl<C: Kind> Keys<C> {
    fn new(all: KeySet, capacity: usize) -> Self {
        // The name of a foreign key may need escapes. The plain header would then be invalid JSON
        // or have another meaning, and must not be treated as usual.
        let writes_plainly = |kid: &&str| base64url::is_alphabet(kid);
        let usual_headers = all
            .iter()
            .filter_map(|key| {
                let kid = key.kid().filter(writes_plainly)?;
                // Of two keys with the same name, the first one is found.
                let key = all.find(Some(kid))?;
                Some((jws::header(key.algorithm(), C::TYP, kid), key.clone()))
            })
            .collect();
        Self { usual_headers, all, verified: VerifiedCache::new(capacity) }
    }

    /// Finds the key of a header that is byte for byte as this crate writes it. No further check is
    /// needed then, because equal texts have equal meaning.
    fn of_usual_header(&self, header: &str) -> Option<&VerifyingKey> {
        self.usual_headers.iter().find(|(usual, _)| usual == header).map(|(_, key)| key)
    }

    /// Finds the key of any other header that is valid for the kind.
    fn of_header(&self, compact: &Compact<'_>) -> Result<&VerifyingKey, TokenError> {
        let header = compact.decode_header()?;
        let header = Header::parse(&header)?;
        if header.typ.as_deref() != Some(C::TYP) {
            return Err(TokenError::WrongKind);
        }
        let key = self.all.find(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        header.check_algorithm(key)?;
        Ok(key)
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

impl<C: SignedKind> Signer<C> {
    pub(crate) fn new(key: SigningKey, issuer: &str, audience: &str) -> Self {
        Self {
            header: jws::header(key.algorithm(), C::TYP, key.kid()),
            key,
            issuer: issuer.to_owned(),
            audience: [audience, C::AUDIENCE_SUFFIX].concat(),
            kind: PhantomData,
        }
    }

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

/// The claims of one kind of token; see the implementing types.
pub trait Claims: Kind {}

impl<C: Kind> Claims for C {}

/// The properties of a kind of token. Public in name only: kinds are added in this crate.
pub trait Kind: Clone {
    /// The header `typ`.
    const TYP: &'static str;
    /// The claim `type`; `None` if it must be absent.
    const TYPE: Option<&'static str>;
    /// The suffix that is appended to the audience of access tokens.
    const AUDIENCE_SUFFIX: &'static str;
    /// The claims in JSON.
    type Payload<'a>: Deserialize<'a> + Payload;

    /// Parses the payload if it has the single layout that can be read faster than JSON.
    fn find<'a>(_json: &'a str, _issuer: &str, _audience: &str) -> Option<Self::Payload<'a>> {
        None
    }

    /// Parses the claims beyond the registered ones.
    fn read(payload: Self::Payload<'_>) -> Result<Self, TokenError>;
}

/// A kind that this crate also signs.
pub(crate) trait SignedKind: Kind {
    /// The purpose for which its key is derived.
    const PURPOSE: Purpose;

    /// The payload to sign.
    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize;
}
