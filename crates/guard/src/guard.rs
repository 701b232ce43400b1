//! Authentication and authorization of a request, shared by the actix, axum and tower adapters.
//!
//! Only the `Authorization` header counts. A cookie would also be sent with a request that another
//! site made, and is for the authentication server alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::DecisionContext;
use portcullis_domain::{AccountId, AssuranceLevel, NetworkList};
#[cfg(feature = "follow")]
use portcullis_token::ApiKey;
use portcullis_token::{AccessClaims, RevocationSet, TokenError, Verifier};

#[cfg(feature = "follow")]
use crate::follow::api_key::{ApiKeys, Checked, KeyRefusal};
#[cfg(feature = "follow")]
use crate::follow::following::Following;
use crate::parts::{GuardSettings, WhenStale};
use crate::revocation_state::RevocationState;
use crate::{Claims, ClientAddress, Credential, Denied, Refusal};

/// Verifies access tokens and evaluates the access matrix; one for a whole service. A clone is
/// another handle to the same guard, which follows the server until the last handle is dropped.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    parts: GuardSettings,
    verifier: Arc<Verifier<AccessClaims>>,
    known: Arc<RevocationState>,
    #[cfg(feature = "follow")]
    following: Option<Following>,
}

impl Guard {
    /// Authenticates the caller from all values of the `Authorization` header as received (RFC 6750
    /// section 2.1). Does not wait, so an API key that was not checked just now is
    /// [`Refusal::ApiKeyUnchecked`]: see [`Guard::admit`].
    ///
    /// `client` is the address of the client, if the service knows it. Without it, a credential that is bound
    /// to networks is refused.
    pub fn authenticate<'a>(
        &self,
        authorization: impl IntoIterator<Item = &'a [u8]>,
        client: Option<ClientAddress>,
    ) -> Result<Claims, Refusal> {
        let Inner { parts, verifier, known, .. } = &*self.0;
        let token = bearer(authorization)?;
        if let Some(checked) = self.known_key(token, client) {
            return checked;
        }
        let claims = verifier.verify(token, parts.clock.now()).map_err(Refusal::InvalidToken)?;
        if known.revocations.is_revoked(&claims) {
            return Err(Refusal::Revoked(claims.subject));
        }
        if parts.when_stale == WhenStale::Refuse && self.is_stale() {
            return Err(Refusal::Stale(self.staleness()));
        }
        let contains =
            |networks: &NetworkList| client.is_some_and(|client| networks.contains(client.ip()));
        if !claims.networks.as_ref().is_none_or(contains) {
            return Err(Refusal::OutsideNetworks(claims.subject));
        }
        if claims.password_must_change {
            return Err(Refusal::PasswordMustChange);
        }
        if claims.factor_required {
            return Err(Refusal::FactorRequired);
        }
        Ok(claims.into())
    }

    /// Authenticates the caller. For a token with an unknown key it first waits until the published
    /// keys have been fetched again: at most 2 s, and at most once in 10 s for all such tokens
    /// together. For an API key it waits until the server has checked it: at most 2 s for each of the
    /// questions that the answer needs, and usually not at all.
    pub async fn admit<'a>(
        &self,
        authorization: impl IntoIterator<Item = &'a [u8]> + Clone + Send,
        client: Option<ClientAddress>,
    ) -> Result<Claims, Refusal> {
        match self.authenticate(authorization.clone(), client) {
            Err(Refusal::ApiKeyUnchecked) => {
                let key = bearer(authorization)?;
                self.check_key(key, client).await
            }
            Err(Refusal::InvalidToken(TokenError::UnknownKey))
                if self.look_at_keys_again().await =>
            {
                self.authenticate(authorization, client)
            }
            verdict => verdict,
        }
    }

    /// Refuses unless the caller's role may do `action` on `resource` in the context of `context`, and, for an
    /// API key, its scope covers that too.
    /// The `subject` of `context` is ignored: the caller is always the subject. Words that the matrix
    /// does not contain are refused, and without a matrix everything is. Allocates nothing unless
    /// it refuses.
    ///
    /// `context` compares texts exactly, so pass accounts as [`AccountId`] prints them. An owner in
    /// another spelling counts as another account, so that `not_own` holds.
    pub fn permit(
        &self,
        caller: &Claims,
        resource: &str,
        action: &str,
        context: &DecisionContext<'_>,
    ) -> Result<(), Refusal> {
        let matrix = self.0.parts.matrix.as_ref().ok_or(Refusal::NoMatrix)?;
        if let Credential::ApiKey { key, scope } = &caller.credential
            && !scope.covers(resource, action)
        {
            return Err(Refusal::OutOfScope {
                key: *key,
                account: caller.account,
                resource: resource.to_owned(),
                action: action.to_owned(),
            });
        }
        let subject = AccountText::of(caller.account);
        let context = DecisionContext { subject: subject.as_str(), ..*context };
        let decision = matrix.decide_words(caller.role.as_str(), resource, action, &context);
        if decision.is_allowed() {
            Ok(())
        } else {
            Err(Denied::new(caller.clone(), decision, matrix.clone()).into())
        }
    }

    /// Refuses unless the session of the caller has this assurance level, by a sign-in or a step-up
    /// that is at most `max_age` old, if that is given. The response is the challenge of RFC 9470:
    /// the client sends the user to the authentication server for a step-up, and tries again. An API key is
    /// always refused: it is no sign-in.
    pub fn require_acr(
        &self,
        caller: &Claims,
        level: AssuranceLevel,
        max_age: Option<Duration>,
    ) -> Result<(), Refusal> {
        let (assurance, authenticated_at) = match &caller.credential {
            Credential::AccessToken { assurance, authenticated_at, .. } => {
                (*assurance, *authenticated_at)
            }
            Credential::ApiKey { key, .. } => return Err(Refusal::ApiKeyNotAccepted(*key)),
        };
        let age = self.0.parts.clock.now().since(authenticated_at);
        if assurance >= level && max_age.is_none_or(|max_age| age <= max_age) {
            return Ok(());
        }
        Err(Refusal::InsufficientAuthentication { level, max_age })
    }

    /// Returns the age of the revocation state; up to about 1.5 s in normal operation. It uses the
    /// clock of this machine, so a difference between the two clocks can add to it.
    pub fn staleness(&self) -> Duration {
        self.0.known.staleness()
    }

    /// Returns whether the revocation state is older than
    /// [`GuardBuilder::when_stale`](crate::GuardBuilder::when_stale) allows.
    pub fn is_stale(&self) -> bool {
        self.staleness() > self.0.parts.stale_after
    }

    /// The known revocations; an added entry takes effect with the next request.
    pub fn revocations(&self) -> &RevocationSet {
        &self.0.known.revocations
    }

    #[cfg(feature = "follow")]
    async fn look_at_keys_again(&self) -> bool {
        match &self.0.following {
            Some(following) => following.look_at_keys_again().await,
            None => false,
        }
    }

    #[cfg(not(feature = "follow"))]
    async fn look_at_keys_again(&self) -> bool {
        std::future::ready(false).await
    }

    /// The result for an API key without waiting; `None` for a token, or if this guard accepts no API keys.
    #[cfg(feature = "follow")]
    fn known_key(
        &self,
        text: &str,
        client: Option<ClientAddress>,
    ) -> Option<Result<Claims, Refusal>> {
        let keys = self.api_keys()?;
        let is_key = text.starts_with(ApiKey::PREFIX);
        is_key.then(|| keys.known(text, client).map_or(Err(Refusal::ApiKeyUnchecked), of_key))
    }

    #[cfg(feature = "follow")]
    async fn check_key(
        &self,
        text: &str,
        client: Option<ClientAddress>,
    ) -> Result<Claims, Refusal> {
        let keys = self.api_keys().ok_or(Refusal::ApiKeyUnchecked)?;
        of_key(keys.check(text, client).await)
    }

    #[cfg(feature = "follow")]
    fn api_keys(&self) -> Option<&Arc<ApiKeys>> {
        self.0.following.as_ref()?.api_keys()
    }

    #[cfg(not(feature = "follow"))]
    fn known_key(&self, _: &str, _: Option<ClientAddress>) -> Option<Result<Claims, Refusal>> {
        None
    }

    #[cfg(not(feature = "follow"))]
    async fn check_key(&self, _: &str, _: Option<ClientAddress>) -> Result<Claims, Refusal> {
        std::future::ready(Err(Refusal::ApiKeyUnchecked)).await
    }

    /// A guard without external updates.
    pub(crate) fn alone(
        parts: GuardSettings,
        verifier: Arc<Verifier<AccessClaims>>,
        known: Arc<RevocationState>,
    ) -> Self {
        Self(Arc::new(Inner {
            parts,
            verifier,
            known,
            #[cfg(feature = "follow")]
            following: None,
        }))
    }

    #[cfg(feature = "follow")]
    pub(crate) fn following(
        parts: GuardSettings,
        verifier: Arc<Verifier<AccessClaims>>,
        known: Arc<RevocationState>,
        following: Following,
    ) -> Self {
        Self(Arc::new(Inner { parts, verifier, known, following: Some(following) }))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("verifier", &self.0.verifier)
            .field("known", &self.0.known)
            .finish_non_exhaustive()
    }
}

/// The caller by a checked API key.
#[cfg(feature = "follow")]
fn of_key(checked: Checked) -> Result<Claims, Refusal> {
    let active = checked.map_err(|refusal| match refusal {
        KeyRefusal::Inactive => Refusal::InvalidApiKey,
        KeyRefusal::Unchecked => Refusal::ApiKeyUnchecked,
    })?;
    if active.password_must_change {
        return Err(Refusal::PasswordMustChange);
    }
    Ok(active.claims.clone())
}

/// The text form of an account id, on the stack.
pub(crate) struct AccountText([u8; 36]);

impl AccountText {
    pub(crate) fn of(account: AccountId) -> Self {
        let mut text = [0; 36];
        account.as_uuid().hyphenated().encode_lower(&mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        // A UUID in text is ASCII. The default, an absent subject, would be denied.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The scheme is compared case-insensitively (RFC 9110 section 11.1). Another scheme counts as no
/// credential, because this service accepts no other.
fn bearer<'a>(authorization: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Refusal> {
    let mut values = authorization.into_iter();
    let value = values.next().ok_or(Refusal::NotAuthenticated)?;
    if values.next().is_some() {
        return Err(Refusal::AmbiguousCredentials);
    }
    let text = str::from_utf8(value).map_err(|_| Refusal::NotAuthenticated)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Refusal::NotAuthenticated),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SystemRandom, Timestamp};

    use super::*;

    #[test]
    fn an_account_has_one_spelling() {
        let account = AccountId::generate(Timestamp::from_seconds(1_800_000_000), &SystemRandom);
        assert_eq!(AccountText::of(account).as_str(), account.to_string());
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for value in ["Bearer abc", "bearer abc", "BEARER abc"] {
            assert_eq!(bearer([value.as_bytes()]).unwrap(), "abc");
        }
        for value in ["", "Bearer", "abc", "Basic abc", "Bearer\tabc", " Bearer abc"] {
            let refused = bearer([value.as_bytes()]);
            assert!(matches!(refused, Err(Refusal::NotAuthenticated)), "{value:?}");
        }
        assert!(matches!(bearer([&b"\xff"[..]]), Err(Refusal::NotAuthenticated)));
    }
}
