//! Who may call a route. The first argument of every handler is a guard; without one it does not
//! compile into the route table.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use portcullis_domain::{AccountId, ExposeSecret, SecretString, SessionId};
use portcullis_token::AccessClaims;

use crate::cookies;
use crate::csrf;
use crate::origin::{self, Page};
use crate::problem::{Code, Problem};
use crate::server::Settings;
use crate::services::Services;

/// Decides before the handler runs.
pub(crate) trait Guard: FromRequest {
    /// What the route table and the API document call it.
    const NAME: &'static str;
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
    const NAME: &'static str = "public";
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

/// Somebody who is signed in, by access token: `Authorization: Bearer` or the access cookie.
pub(crate) struct Authenticated {
    /// The account.
    pub(crate) account: AccountId,
    /// The session.
    pub(crate) session: SessionId,
}

impl Guard for Authenticated {
    const NAME: &'static str = "authenticated";
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request))
    }
}

fn authenticate(request: &HttpRequest) -> Result<Authenticated, Problem> {
    let settings = settings(request)?;
    let services = services(request)?;
    let cookie =
        cookies::read(request.headers(), cookies::Name::AccessToken, settings.secure_cookies)?;
    let claims = match (bearer(request)?, cookie) {
        (Some(_), Some(_)) => return Err(Problem::new(Code::AmbiguousCredentials)),
        (None, None) => return Err(Problem::new(Code::NotAuthenticated)),
        (Some(token), None) => verify(services, token)?,
        (None, Some(token)) => {
            let claims = verify(services, token.expose_secret())?;
            if !request.method().is_safe() {
                csrf::check(request, settings, services, claims.session)?;
            }
            claims
        }
    };
    Ok(Authenticated { account: claims.subject, session: claims.session })
}

fn verify(services: &Services, token: &str) -> Result<AccessClaims, Problem> {
    let verified = services.authority.verify_access(token, services.clock.now());
    let claims = verified.map_err(|_| Problem::new(Code::InvalidToken))?;
    if services.revocations.is_revoked(claims.session) {
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

fn services(request: &HttpRequest) -> Result<&Services, Problem> {
    let services = request.app_data::<web::Data<Services>>();
    services.map(web::Data::get_ref).ok_or_else(|| Problem::new(Code::Internal))
}
