//! Who may call a route. The first argument of every handler is a guard; without one it does not
//! compile into the route table.

mod permission;
mod recent;
mod requirement;
mod service;
mod signing_out;
mod this_machine;

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use portcullis_domain::{AccountId, ExposeSecret, SecretString, SessionId};
use portcullis_flows::StoreError;
use portcullis_flows::principal::Principal;
use portcullis_flows::revocation::Revocations;
use portcullis_token::AccessClaims;

pub(crate) use self::permission::{
    ChangeSettings, EndSessions, ExportAudit, Permitted, ReadAudit, ReadSettings, ReadUsers,
    ReplayAudit, permit,
};
pub(crate) use self::recent::Recent;
pub use self::requirement::{Audience, Requirement};
pub(crate) use self::service::Service;
pub use self::service::ServiceCredentials;
pub(crate) use self::signing_out::SigningOut;
pub(crate) use self::this_machine::ThisMachine;
use crate::blocking::blocking;
use crate::cookies;
use crate::csrf;
use crate::origin::{self, Page};
use crate::problem::{Code, Problem};
use crate::server::Settings;
use crate::services::Services;

/// Decides before the handler runs.
pub(crate) trait Guard: FromRequest<Error = Problem> {
    /// What the route table and the API document say of it.
    const REQUIREMENT: Requirement;
}

/// A handler's arguments, when they begin with a guard.
pub(crate) trait Guarded {
    /// That guard.
    type Guard: Guard;
}

impl<G: Guard> Guarded for (G,) {
    type Guard = G;
}

impl<G: Guard, A> Guarded for (G, A) {
    type Guard = G;
}

impl<G: Guard, A, B> Guarded for (G, A, B) {
    type Guard = G;
}

impl<G: Guard, A, B, C> Guarded for (G, A, B, C) {
    type Guard = G;
}

impl<G: Guard, A, B, C, D> Guarded for (G, A, B, C, D) {
    type Guard = G;
}

/// Anybody. A browser may send what changes something only from an allowed page, so that nobody can
/// be signed in or registered by somebody else's page.
pub(crate) struct Public;

impl Guard for Public {
    const REQUIREMENT: Requirement = Requirement::of(Audience::Everybody);
}

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(settings(request).and_then(|settings| {
            let harmless = request.method().is_safe();
            if !harmless && origin::page(request.headers(), settings) == Page::Foreign {
                return Err(Problem::new(Code::ForeignOrigin));
            }
            Ok(Self)
        }))
    }
}

/// Somebody who is signed in, by access token: `Authorization: Bearer` or the access cookie. Even
/// if the password must be changed first: for the few routes that lead there, and out.
pub(crate) struct Authenticated {
    /// The account.
    pub(crate) account: AccountId,
    /// The session.
    pub(crate) session: SessionId,
}

impl Guard for Authenticated {
    const REQUIREMENT: Requirement = Requirement::of(Audience::SignedIn);
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let claims = authenticate(request);
        Box::pin(async {
            let claims = claims.await?;
            Ok(Self { account: claims.subject, session: claims.session })
        })
    }
}

/// Somebody who is signed in and free to act: the password need not be changed.
pub(crate) struct Caller(pub(crate) Principal);

impl Guard for Caller {
    const REQUIREMENT: Requirement = Requirement::of(Audience::Settled);
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Self::of(request))
    }
}

/// A [`Caller`] whose request changes nothing, although its method is not safe: a question to the
/// access matrix. A node that does not know what was revoked lately still answers it, unless it is
/// configured to answer nothing then.
pub(crate) struct Asking(pub(crate) Principal);

impl Guard for Asking {
    const REQUIREMENT: Requirement = Requirement::of(Audience::Settled);
}

impl FromRequest for Asking {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = Caller::with(request, Effect::None);
        Box::pin(async { caller.await.map(|Caller(caller)| Self(caller)) })
    }
}

impl Caller {
    fn of(request: &HttpRequest) -> impl Future<Output = Result<Self, Problem>> + use<> {
        Self::with(request, Effect::of(request))
    }

    fn with(
        request: &HttpRequest,
        effect: Effect,
    ) -> impl Future<Output = Result<Self, Problem>> + use<> {
        let claims = authenticate_for(request, effect);
        let origin = origin::of(request);
        async {
            let claims = claims.await?;
            if claims.password_must_change {
                return Err(Problem::new(Code::PasswordChangeRequired));
            }
            Ok(Self(Principal::of_claims(claims, origin)))
        }
    }
}

/// Account and session of the caller, for what concerns the session itself.
pub(crate) fn session_of(caller: &Principal) -> Result<(AccountId, SessionId), Problem> {
    let session = caller.account().zip(caller.session());
    session.ok_or_else(|| Problem::new(Code::NotAuthenticated))
}

/// What a request is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It changes nothing.
    None,
    /// It may change something.
    Change,
}

impl Effect {
    /// By its method (RFC 9110 section 9.2.1).
    fn of(request: &HttpRequest) -> Self {
        if request.method().is_safe() { Self::None } else { Self::Change }
    }
}

/// Whose token came along, if it is valid and not revoked.
fn authenticate(
    request: &HttpRequest,
) -> impl Future<Output = Result<AccessClaims, Problem>> + use<> {
    authenticate_for(request, Effect::of(request))
}

/// As [`authenticate`]. Only in strict mode this takes the database.
fn authenticate_for(
    request: &HttpRequest,
    effect: Effect,
) -> impl Future<Output = Result<AccessClaims, Problem>> + use<> {
    let known = presented(request);
    let strict = services(request).and_then(|services| {
        if effect == Effect::Change {
            informed(&services.revocations)?;
        }
        strictly(&services.revocations)
    });
    async {
        let claims = known?;
        let Some(revocations) = strict? else { return Ok(claims) };
        let ask = move || {
            let is_revoked = revocations.is_revoked(&claims)?;
            Ok::<_, StoreError>((!is_revoked).then_some(claims))
        };
        blocking(ask).await?.ok_or_else(|| Problem::new(Code::InvalidToken))
    }
}

/// What is to be asked about every token, if the policy says so.
fn strictly(revocations: &Arc<Revocations>) -> Result<Option<Arc<Revocations>>, Problem> {
    if revocations.refuses_all() {
        return Err(Problem::revocations_stale());
    }
    Ok(revocations.policy().strict.then(|| Arc::clone(revocations)))
}

/// Refuses on a node that has not heard of revocations for too long.
fn informed(revocations: &Revocations) -> Result<(), Problem> {
    if revocations.is_stale() { Err(Problem::revocations_stale()) } else { Ok(()) }
}

/// The claims of the token that came along, as far as this node knows.
fn presented(request: &HttpRequest) -> Result<AccessClaims, Problem> {
    let settings = settings(request)?;
    let services = services(request)?;
    let cookie =
        cookies::read(request.headers(), cookies::Name::AccessToken, settings.secure_cookies)?;
    match (bearer(request)?, cookie) {
        (Some(_), Some(_)) => Err(Problem::new(Code::AmbiguousCredentials)),
        (None, None) => Err(Problem::new(Code::NotAuthenticated)),
        (Some(token), None) => verify(services, token),
        (None, Some(token)) => {
            let claims = verify(services, token.expose_secret())?;
            if !request.method().is_safe() {
                csrf::check(request, settings, services, claims.session)?;
            }
            Ok(claims)
        }
    }
}

fn verify(services: &Services, token: &str) -> Result<AccessClaims, Problem> {
    let verified = services.authority.verify_access(token, services.clock.now());
    let claims = verified.map_err(|_| Problem::new(Code::InvalidToken))?;
    if services.revocations.set().is_revoked(&claims) {
        return Err(Problem::new(Code::InvalidToken));
    }
    Ok(claims)
}

/// The bearer token (RFC 6750 section 2.1), if there is an `Authorization` header.
fn bearer(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Code::AmbiguousCredentials));
    }
    let text = value.to_str().map_err(|_| Problem::new(Code::InvalidToken))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token)),
        _ => Err(Problem::new(Code::InvalidToken)),
    }
}

/// A cookie of the request; for guards and handlers that have no other way to it.
pub(crate) fn cookie(
    request: &HttpRequest,
    name: cookies::Name,
) -> Result<Option<SecretString>, Problem> {
    cookies::read(request.headers(), name, settings(request)?.secure_cookies)
}

fn settings(request: &HttpRequest) -> Result<&Settings, Problem> {
    let settings = request.app_data::<web::Data<Settings>>();
    settings.map(web::Data::get_ref).ok_or_else(|| Problem::new(Code::Internal))
}

fn services(request: &HttpRequest) -> Result<&web::Data<Services>, Problem> {
    request.app_data::<web::Data<Services>>().ok_or_else(|| Problem::new(Code::Internal))
}
