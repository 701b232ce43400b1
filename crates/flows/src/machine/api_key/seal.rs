//! The terms of an API key: what decides about its use, sealed with its id and its owner.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Scope;
use portcullis_domain::{AccountId, ApiKeyId, NetworkList, SecureRandom, Timestamp};
use portcullis_mfa::{SealError, SeedKey};
use portcullis_token::Digest;

use super::StoredApiKey;

/// What decides about the use of a key.
#[derive(Clone, Debug)]
pub struct ApiKeyTerms {
    /// The digest of the key.
    pub digest: Digest,
    /// Its scope.
    pub scope: Arc<Scope>,
    /// The networks that it may be used from; an empty list allows all.
    pub networks: NetworkList,
    /// Its lifetime at its creation, which a rotation gives its successor.
    pub lifetime: Duration,
    /// The end of its life.
    pub expires_at: Timestamp,
}

/// Seals the terms of keys.
#[derive(Clone)]
pub struct ApiKeySeal(Arc<SeedKey>);

impl ApiKeySeal {
    /// Creates a seal. The caller derives the key from the secret of the server, for this purpose alone.
    pub const fn new(key: Arc<SeedKey>) -> Self {
        Self(key)
    }

    /// Seals the terms of a key.
    pub(super) fn seal(
        &self,
        id: ApiKeyId,
        owner: AccountId,
        terms: &ApiKeyTerms,
        random: &dyn SecureRandom,
    ) -> Vec<u8> {
        let ApiKeyTerms { digest, scope, networks, lifetime, expires_at } = terms;
        let (end, seconds) = (expires_at.as_micros(), lifetime.as_secs());
        let text = format!("{digest}\n{end}\n{seconds}\n{scope}\n{networks}");
        self.0.seal_bytes(text.as_bytes(), &label(id, owner), random)
    }

    /// Seals terms again, if the previous secret key sealed them.
    pub(super) fn reseal(
        &self,
        stored: &StoredApiKey,
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, SealError> {
        self.0.reseal(&stored.sealed, &label(stored.id, stored.account), random)
    }

    /// The terms of a stored key. Of a key that cannot be opened there are none, and the log says so.
    pub(super) fn open(&self, stored: &StoredApiKey) -> Option<ApiKeyTerms> {
        let opened = self.0.open_bytes(&stored.sealed, &label(stored.id, stored.account));
        let terms = opened.ok().and_then(|(bytes, _)| parse(str::from_utf8(&bytes).ok()?));
        if terms.is_none() {
            tracing::error!(key = %stored.id, "a stored API key is damaged");
        }
        terms
    }
}

impl fmt::Debug for ApiKeySeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySeal([REDACTED])")
    }
}

fn parse(text: &str) -> Option<ApiKeyTerms> {
    let mut lines = text.split('\n');
    let terms = ApiKeyTerms {
        digest: lines.next()?.parse().ok()?,
        expires_at: Timestamp::from_micros(lines.next()?.parse().ok()?),
        lifetime: Duration::from_secs(lines.next()?.parse().ok()?),
        scope: Arc::new(lines.next()?.parse().ok()?),
        networks: lines.next()?.parse().ok()?,
    };
    lines.next().is_none().then_some(terms)
}

/// The label under which the terms of a key are sealed.
fn label(id: ApiKeyId, owner: AccountId) -> String {
    format!("api key {id} {owner}")
}
