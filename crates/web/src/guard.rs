//! Route guards: authentication, age of the sign-in, permissions. They run before the body is read.
//!
//! The order is fixed: authentication, the age of the sign-in, a password that must be changed, a
//! second factor that must be enrolled, the permissions. Each refused permission is a recorded decision.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use portcullis_audit::Actor;
use portcullis_domain::{AccountId, AccountKind, SessionId};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::permission::Permission;
use portcullis_flows::machine::api_key::CheckedApiKey;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::step_up::StepUp;

use crate::authentication::{Authenticated, Authenticator, Effect, SessionCredentials};
use crate::authorization::permit;
use crate::blocking::blocking;
use crate::local;
use crate::page::{self, Page};
use crate::problem::{Code, Problem};
use crate::request::origin;

/// The requirements of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The callers that may use the route.
    pub audience: Audience,
    /// The permissions that the access matrix must grant, all of them: pairs of resource and
    /// action.
    pub permissions: &'static [Permission],
    /// True if the sign-in must be less than 15 minutes old: a session that was left open, or
    /// stolen, is not enough. The refusal is recorded, and clients can recognise it (RFC 9470).
    pub recent_sign_in: bool,
    /// True if the second factor of a session with two factors must have been proven less than 15
    /// minutes ago: for routes that take the current password themselves.
    pub recent_factor: bool,
    /// Whether an API key opens the route.
    pub api_keys: ApiKeyAccess,
    /// True if the request changes nothing although its method is not safe. A node whose
    /// revocations are stale still answers it.
    pub is_query: bool,
}

/// Whether an API key opens a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyAccess {
    /// Never, whatever its scope.
    Never,
    /// If its scope covers the permissions of the route.
    InScope,
}

/// The callers that may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All clients. A browser may send a change only from an allowed page, so that no other site
    /// can sign a user in or register an account.
    Everybody,
    /// Programs on the machine that the server runs on. For other clients the route does not exist.
    Local,
    /// Services with their credential.
    Service,
    /// A signed-in account, even if the password must be changed or a second factor enrolled first.
    SignedIn,
    /// A signed-in account that may change its password: even if it must, but not while it must only
    /// enrol a second factor.
    PasswordChange,
    /// A signed-in account whose password need not be changed, even if a second factor must be
    /// enrolled first.
    FactorEnrolment,
    /// A signed-in account whose password need not be changed, and that need not enrol a second
    /// factor.
    Caller,
    /// The holder of any credential of a session, to end it.
    SessionCredentials,
}

/// The result of the guard, for the handler.
#[derive(Debug)]
pub(crate) enum GuardResult {
    /// Nothing.
    Anonymous,
    /// The authenticated principal.
    Principal(Principal),
    /// The credentials of a session.
    SessionCredentials(SessionCredentials),
}

impl GuardResult {
    /// The actor to which the request is attributed.
    pub(crate) const fn actor(&self) -> Actor {
        match self {
            Self::Principal(principal) => principal.actor,
            Self::Anonymous | Self::SessionCredentials(_) => Actor::Nobody,
        }
    }
}

impl Guard {
    /// For all clients.
    pub const PUBLIC: Self = Self::of(Audience::Everybody);
    /// For programs on this machine.
    pub const LOCAL: Self = Self::of(Audience::Local);
    /// For services. The API key of a service needs these permissions in its scope; the kind of its
    /// account gives them.
    pub const fn service(permissions: &'static [Permission]) -> Self {
        Self { permissions, api_keys: ApiKeyAccess::InScope, ..Self::of(Audience::Service) }
    }

    /// For signed-in accounts, even if the password must be changed or a second factor enrolled first:
    /// for the few routes that lead to that, and for sign-out.
    pub const SIGNED_IN: Self = Self::of(Audience::SignedIn);
    /// For the change of the password.
    pub const PASSWORD_CHANGE: Self = Self::of(Audience::PasswordChange);
    /// For the enrolment of a second factor.
    pub const FACTOR_ENROLMENT: Self = Self::of(Audience::FactorEnrolment);
    /// For signed-in accounts that need neither change their password nor enrol a second factor.
    pub const CALLER: Self = Self::of(Audience::Caller);
    /// For the end of a session.
    pub const SESSION_CREDENTIALS: Self = Self::of(Audience::SessionCredentials);

    const fn of(audience: Audience) -> Self {
        Self {
            audience,
            permissions: &[],
            recent_sign_in: false,
            recent_factor: false,
            api_keys: ApiKeyAccess::Never,
            is_query: false,
        }
    }

    /// For callers that have all of these permissions, also with an API key.
    pub const fn permitted(permissions: &'static [Permission]) -> Self {
        Self { permissions, api_keys: ApiKeyAccess::InScope, ..Self::CALLER }
    }

    /// The same guard, with a recent sign-in, which no API key has.
    #[must_use]
    pub const fn recent(self) -> Self {
        Self { recent_sign_in: true, api_keys: ApiKeyAccess::Never, ..self }
    }

    /// The same guard, with a recent second factor if the session has one.
    #[must_use]
    pub const fn recent_factor(self) -> Self {
        Self { recent_factor: true, ..self }
    }

    /// The same guard, also for API keys.
    #[must_use]
    pub const fn with_api_keys(self) -> Self {
        Self { api_keys: ApiKeyAccess::InScope, ..self }
    }

    /// The same guard, for a request that changes nothing.
    #[must_use]
    pub const fn query(self) -> Self {
        Self { is_query: true, ..self }
    }

    /// True if an API key may open it.
    pub fn takes_api_keys(&self) -> bool {
        self.api_keys == ApiKeyAccess::InScope
    }

    /// True if it requires an access token.
    pub const fn is_signed_in(&self) -> bool {
        matches!(
            self.audience,
            Audience::SignedIn
                | Audience::PasswordChange
                | Audience::FactorEnrolment
                | Audience::Caller
                | Audience::SessionCredentials
        )
    }

    /// The refusal of an account that must do something else first.
    fn restriction(&self, must_change: bool, must_enrol: bool) -> Option<Code> {
        let change = must_change.then_some(Code::PasswordChangeRequired);
        let enrol = must_enrol.then_some(Code::FactorRequired);
        match self.audience {
            Audience::PasswordChange if must_change => None,
            Audience::PasswordChange => enrol,
            Audience::FactorEnrolment => change,
            Audience::Caller => change.or(enrol),
            _ => None,
        }
    }

    /// Refuses a change without sign-in from a page of another site.
    pub(crate) fn check_page(&self, request: &HttpRequest) -> Result<(), Problem> {
        let is_anonymous = self.audience == Audience::Everybody;
        if is_anonymous && !request.method().is_safe() && page::of(request)? == Page::Foreign {
            return Err(Problem::new(Code::ForeignOrigin));
        }
        Ok(())
    }

    /// Refuses the request, or returns the result for the handler. The page of a change without
    /// sign-in is checked before, by [`check_page`](Self::check_page).
    pub(crate) async fn admit(&self, request: &HttpRequest) -> Result<GuardResult, Problem> {
        match self.audience {
            Audience::Everybody => Ok(GuardResult::Anonymous),
            Audience::Local => {
                let is_local = local::is_local(request);
                is_local.then_some(GuardResult::Anonymous).ok_or(Problem::new(Code::NotFound))
            }
            Audience::Service => {
                let authenticator: &Authenticator = data(request)?;
                match authenticator.service_key(request).await? {
                    // As a principal, it counts under the limits of its account and of the key.
                    Some(key) => {
                        self.check_service(&key)?;
                        let scope = Arc::clone(key.scope());
                        let principal =
                            Principal::of_api_key(key.owner(), key.id(), scope, origin(request));
                        Ok(GuardResult::Principal(principal))
                    }
                    None if authenticator.services.accept(request) => Ok(GuardResult::Anonymous),
                    None => Err(Problem::new(Code::InvalidServiceCredential)),
                }
            }
            Audience::SessionCredentials => data::<Authenticator>(request)?
                .session_credentials(request)
                .map(GuardResult::SessionCredentials),
            Audience::SignedIn
            | Audience::PasswordChange
            | Audience::FactorEnrolment
            | Audience::Caller => self.admit_principal(request).await.map(GuardResult::Principal),
        }
    }

    /// Refuses the key of a person, whatever its scope, and the key of a service whose scope does not name what
    /// the route needs.
    fn check_service(&self, key: &CheckedApiKey) -> Result<(), Problem> {
        if key.owner().kind != AccountKind::Service {
            return Err(Problem::new(Code::InvalidServiceCredential));
        }
        let mut needed = self.permissions.iter();
        if !needed.all(|(resource, action)| key.scope().names(resource, action)) {
            return Err(Problem::new(Code::OutOfScope));
        }
        Ok(())
    }

    async fn admit_principal(&self, request: &HttpRequest) -> Result<Principal, Problem> {
        let authenticator: &Authenticator = data(request)?;
        let is_safe = self.is_query || request.method().is_safe();
        let effect = if is_safe { Effect::None } else { Effect::Change };
        let authenticated =
            authenticator.authenticate(request, effect, self.takes_api_keys()).await?;
        let Authenticated { principal, password_must_change, factor_required } = authenticated;
        let restriction = self.restriction(password_must_change, factor_required);
        if self.recent_sign_in {
            require_recent(request, &principal, StepUp::is_recent).await?;
        }
        if self.recent_factor {
            require_recent(request, &principal, StepUp::has_recent_factor).await?;
        }
        if let Some(code) = restriction {
            return Err(Problem::new(code));
        }
        if !self.permissions.is_empty() {
            authenticator.require_fresh_revocations()?;
            let decisions: &web::Data<Decisions> = shared(request)?;
            permit(decisions, &principal, self.permissions).await?;
        }
        Ok(principal)
    }
}

/// The request is refused even if the refusal could not be recorded.
async fn require_recent(
    request: &HttpRequest,
    principal: &Principal,
    is_recent: fn(&StepUp, &Principal) -> bool,
) -> Result<(), Problem> {
    let step_up: &web::Data<StepUp> = shared(request)?;
    if is_recent(step_up, principal) {
        return Ok(());
    }
    let level = principal.assurance().unwrap_or_default();
    let (step_up, principal) = (step_up.clone(), principal.clone());
    if let Err(problem) = blocking(move || step_up.record_refusal(&principal)).await {
        tracing::warn!(%problem, "a refusal for want of a recent sign-in is not recorded");
    }
    Err(Problem::sign_in_too_old(level))
}

fn shared<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, Problem> {
    request.app_data::<web::Data<T>>().ok_or_else(|| Problem::new(Code::Internal))
}

fn data<T: 'static>(request: &HttpRequest) -> Result<&T, Problem> {
    shared(request).map(web::Data::get_ref)
}

/// The principal that the guard of the route has authenticated. On a route whose guard
/// authenticates none, it is a server error.
#[derive(Debug)]
pub struct Caller(pub Principal);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let found = request.extensions_mut().remove::<Principal>();
        ready(found.map(Self).ok_or_else(|| Problem::new(Code::Internal)))
    }
}

impl Caller {
    /// The account.
    ///
    /// # Errors
    ///
    /// [`Code::NotAuthenticated`] if the principal has none.
    pub fn account(&self) -> Result<AccountId, Problem> {
        self.0.account().ok_or_else(|| Problem::new(Code::NotAuthenticated))
    }

    /// Account and session, for operations on the session itself.
    ///
    /// # Errors
    ///
    /// [`Code::NotAuthenticated`] if the credential belongs to no session.
    pub fn session(&self) -> Result<(AccountId, SessionId), Problem> {
        let session = self.0.account().zip(self.0.session());
        session.ok_or_else(|| Problem::new(Code::NotAuthenticated))
    }
}

impl FromRequest for SessionCredentials {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let found = request.extensions_mut().remove::<Self>();
        ready(found.ok_or_else(|| Problem::new(Code::Internal)))
    }
}

/// Prints `public`, `this machine`, `service`, `authenticated`, `password change`, `enrolment`,
/// `caller`, or the permissions as in `audit_log:export, recent sign-in`.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audience = match self.audience {
            Audience::Everybody => "public",
            Audience::Local => "this machine",
            Audience::Service => "service",
            Audience::SignedIn | Audience::SessionCredentials => "authenticated",
            Audience::PasswordChange => "password change",
            Audience::FactorEnrolment => "enrolment",
            Audience::Caller => "caller",
        };
        let permissions: Vec<String> = self
            .permissions
            .iter()
            .map(|(resource, action)| format!("{resource}:{action}"))
            .collect();
        let mut words: Vec<&str> = permissions.iter().map(String::as_str).collect();
        if words.is_empty() {
            words.push(audience);
        }
        if self.recent_sign_in {
            words.push("recent sign-in");
        }
        if self.recent_factor {
            words.push("recent factor");
        }
        if self.takes_api_keys() {
            words.push("API keys");
        }
        f.pad(&words.join(", "))
    }
}
