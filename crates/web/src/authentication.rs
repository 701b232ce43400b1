//! Authentication schemes in order: access cookie, bearer token or API key. Add a scheme here.
//!
//! A request with credentials of two schemes is refused, because a choice between them could only
//! help an attacker. A change that a cookie authenticates also needs a CSRF token.

mod api_key;
mod service;
mod session_credentials;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use portcullis_domain::{Clock, ExposeSecret, SecretString};
use portcullis_flows::StoreError;
use portcullis_flows::machine::api_key::ApiKeyChecks;
use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::network_policy::NetworkAccess;
use portcullis_token::{AccessClaims, ApiKey, CsrfKey, TokenAuthority};

pub use self::service::ServiceCredentials;
pub use self::session_credentials::SessionCredentials;
use crate::blocking::blocking;
use crate::cookies::{Name, cookie};
use crate::csrf;
use crate::problem::{Code, Problem};
use crate::request::{RequestContext, origin};

/// Verifies credentials. Without strict mode it queries neither database nor Redis.
pub struct Authenticator {
    /// Verifies access tokens.
    pub authority: Arc<TokenAuthority>,
    /// The revoked access tokens.
    pub revocations: Arc<Revocations>,
    /// Issues and verifies CSRF tokens.
    pub csrf: Arc<CsrfKey>,
    /// The services that may follow revocations and introspect tokens.
    pub services: ServiceCredentials,
    /// The networks that accounts may be used from.
    pub networks: Arc<NetworkAccess>,
    /// Checks API keys.
    pub api_keys: Arc<ApiKeyChecks>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// An authenticated caller, and what it must do before anything else.
pub(crate) struct Authenticated {
    pub(crate) principal: Principal,
    pub(crate) password_must_change: bool,
    pub(crate) factor_required: bool,
}

/// The effect of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The request changes nothing.
    None,
    /// The request may change something.
    Change,
}

/// A credential of a request.
enum RequestCredential<'r> {
    /// From the access cookie.
    Cookie(SecretString),
    /// From the header `Authorization` (RFC 6750 section 2.1).
    Bearer(&'r str),
    /// From the same header.
    ApiKey(&'r str),
}

/// A credential that is not checked by the database.
enum Presented<'r> {
    Claims(AccessClaims),
    ApiKey(&'r str),
}

/// Finds the credential of one scheme; `None` if the request carries none of that scheme.
type Scheme = fn(&HttpRequest) -> Result<Option<RequestCredential<'_>>, Problem>;

const SCHEMES: [Scheme; 2] = [access_cookie, bearer_token];

impl Authenticator {
    /// The caller, if the credential of the request is valid and not revoked. An API key is refused on a
    /// route that takes none, whatever it is.
    pub(crate) async fn authenticate(
        &self,
        request: &HttpRequest,
        effect: Effect,
        takes_api_keys: bool,
    ) -> Result<Authenticated, Problem> {
        let presented = self.presented(request)?;
        if effect == Effect::Change {
            self.require_fresh_revocations()?;
        }
        if self.revocations.refuses_all() {
            return Err(Problem::revocations_stale());
        }
        match presented {
            Presented::ApiKey(_) if !takes_api_keys => Err(Problem::new(Code::ApiKeyNotAccepted)),
            Presented::ApiKey(text) => {
                let key = self.check_api_key(request, text).await?;
                Ok(Authenticated {
                    principal: Principal::of_api_key(
                        key.owner(),
                        key.id(),
                        Arc::clone(key.scope()),
                        origin(request),
                    ),
                    password_must_change: key.password_must_change(),
                    factor_required: false,
                })
            }
            Presented::Claims(claims) => {
                let claims = self.unrevoked(claims).await?;
                self.require_network(request, &claims).await?;
                Ok(Authenticated {
                    password_must_change: claims.password_must_change,
                    factor_required: claims.factor_required,
                    principal: Principal::of_claims(claims, origin(request)),
                })
            }
        }
    }

    /// The request is refused even if the refusal could not be recorded.
    async fn require_network(
        &self,
        request: &HttpRequest,
        claims: &AccessClaims,
    ) -> Result<(), Problem> {
        let address = RequestContext::of(request).address;
        if self.networks.policy().admits_token(claims, address) {
            return Ok(());
        }
        let (networks, origin) = (Arc::clone(&self.networks), origin(request));
        let (account, session) = (claims.subject, claims.session);
        let record = move || networks.record_refusal(account, session, &origin);
        if let Err(problem) = blocking(record).await {
            tracing::warn!(%problem, "the use of a session from outside is not recorded");
        }
        Err(Problem::new(Code::OutsideNetworks))
    }

    /// In strict mode the database is asked.
    async fn unrevoked(&self, claims: AccessClaims) -> Result<AccessClaims, Problem> {
        if !self.revocations.policy().strict {
            return Ok(claims);
        }
        let revocations = Arc::clone(&self.revocations);
        let ask = move || {
            let is_revoked = revocations.is_revoked(&claims)?;
            Ok::<_, StoreError>((!is_revoked).then_some(claims))
        };
        blocking(ask).await?.ok_or_else(|| Problem::new(Code::InvalidToken))
    }

    /// Refuses on a node whose revocations are stale.
    pub(crate) fn require_fresh_revocations(&self) -> Result<(), Problem> {
        if self.revocations.is_stale() { Err(Problem::revocations_stale()) } else { Ok(()) }
    }

    /// The credential by the revocations in memory, without the database.
    fn presented<'r>(&self, request: &'r HttpRequest) -> Result<Presented<'r>, Problem> {
        let mut presented = None;
        for scheme in SCHEMES {
            if let Some(found) = scheme(request)?
                && presented.replace(found).is_some()
            {
                return Err(Problem::new(Code::AmbiguousCredentials));
            }
        }
        match presented.ok_or_else(|| Problem::new(Code::NotAuthenticated))? {
            RequestCredential::ApiKey(text) => Ok(Presented::ApiKey(text)),
            RequestCredential::Bearer(token) => self.verify(token).map(Presented::Claims),
            RequestCredential::Cookie(token) => {
                let claims = self.verify(token.expose_secret())?;
                if !request.method().is_safe() {
                    csrf::check(request, &self.csrf, claims.session)?;
                }
                Ok(Presented::Claims(claims))
            }
        }
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, Problem> {
        let verified = self.authority.verify_access(token, self.clock.now());
        let claims = verified.map_err(|_| Problem::new(Code::InvalidToken))?;
        if self.revocations.set().is_revoked(&claims) {
            return Err(Problem::new(Code::InvalidToken));
        }
        Ok(claims)
    }
}

fn access_cookie(request: &HttpRequest) -> Result<Option<RequestCredential<'_>>, Problem> {
    Ok(cookie(request, Name::AccessToken)?.map(RequestCredential::Cookie))
}

fn bearer_token(request: &HttpRequest) -> Result<Option<RequestCredential<'_>>, Problem> {
    Ok(bearer(request)?.map(|token| {
        let is_key = token.starts_with(ApiKey::PREFIX);
        if is_key { RequestCredential::ApiKey(token) } else { RequestCredential::Bearer(token) }
    }))
}

/// The bearer token, if there is an `Authorization` header.
fn bearer(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Code::AmbiguousCredentials));
    }
    // Not `HeaderValue::to_str`, which reads byte by byte: tokens are long.
    let text = str::from_utf8(value.as_bytes()).map_err(|_| Problem::new(Code::InvalidToken))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token)),
        _ => Err(Problem::new(Code::InvalidToken)),
    }
}
