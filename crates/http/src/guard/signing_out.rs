//! Who may end a session: whoever still has something of it.
//!
//! An access token counts although it has expired: it opens nothing, and giving a session up takes
//! less than using it. What a browser attaches by itself counts only if the request comes from an
//! allowed page, so that no other site signs anybody out. While the access token is alive, a page can
//! get a CSRF token, and must show one as for everything else. Once the access token has expired no
//! page can get one any more: then the headers alone decide that a browser writes and scripts cannot
//! change, and the binding cookie, which browsers send from the own site only. A CSRF token that a
//! page kept must be right, if it is shown.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use portcullis_domain::{AccountId, ExposeSecret, SecretString, SessionId};

use super::requirement::{Audience, Requirement};
use super::{Guard, bearer, cookie, services, settings};
use crate::cookies::Name;
use crate::csrf;
use crate::origin::{self, Page};
use crate::problem::{Code, Problem};
use crate::services::Services;

/// What the head of a request shows of a session. The body may add a refresh token, which no page of
/// another site can know.
pub(crate) struct SigningOut {
    /// Account and session of an access token, expired or not.
    pub(crate) access: Option<(AccountId, SessionId)>,
    /// The binding cookie.
    pub(crate) binding: Option<SecretString>,
    /// What to answer when there turns out to be no session to end; a browser is signed out then
    /// too, and is told so.
    pub(crate) otherwise: Option<Code>,
}

impl Guard for SigningOut {
    const REQUIREMENT: Requirement = Requirement::of(Audience::SignedIn);
}

impl FromRequest for SigningOut {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(find(request))
    }
}

fn find(request: &HttpRequest) -> Result<SigningOut, Problem> {
    let services = services(request)?;
    let token = cookie(request, Name::AccessToken)?;
    match (bearer(request)?, token) {
        (Some(_), Some(_)) => Err(Problem::new(Code::AmbiguousCredentials)),
        (Some(token), None) => Ok(SigningOut {
            access: Some(Shown::read(services, token)?.names),
            binding: None,
            otherwise: Some(Code::InvalidToken),
        }),
        (None, token) => {
            let shown = token.and_then(|token| Shown::read(services, token.expose_secret()).ok());
            let binding = cookie(request, Name::Binding)?;
            by_cookies(request, services, shown, binding)
        }
    }
}

fn by_cookies(
    request: &HttpRequest,
    services: &Services,
    shown: Option<Shown>,
    binding: Option<SecretString>,
) -> Result<SigningOut, Problem> {
    let settings = settings(request)?;
    let has_cookies = cookie(request, Name::AccessToken)?.is_some() || binding.is_some();
    if let Some(Shown { names: (_, session), is_alive }) = &shown
        && (*is_alive || request.headers().contains_key(csrf::HEADER))
    {
        csrf::check(request, settings, services, *session)?;
    }
    match origin::page(request.headers(), settings) {
        Page::Foreign => Err(Problem::new(Code::CsrfFailed)),
        Page::Allowed => Ok(SigningOut {
            access: shown.map(|shown| shown.names),
            binding,
            otherwise: (!has_cookies).then_some(Code::NotAuthenticated),
        }),
        // No browser of this decade: only what it says on purpose counts.
        Page::Unknown if has_cookies => {
            Ok(SigningOut { access: None, binding: None, otherwise: Some(Code::CsrfFailed) })
        }
        Page::Unknown => {
            Ok(SigningOut { access: None, binding: None, otherwise: Some(Code::NotAuthenticated) })
        }
    }
}

/// An access token that was not revoked.
struct Shown {
    names: (AccountId, SessionId),
    is_alive: bool,
}

impl Shown {
    fn read(services: &Services, token: &str) -> Result<Self, Problem> {
        let now = services.clock.now();
        let claims = services.authority.verify_expired_access(token, now);
        let claims = claims.map_err(|_| Problem::new(Code::InvalidToken))?;
        if services.revocations.set().is_revoked(&claims) {
            return Err(Problem::new(Code::InvalidToken));
        }
        let is_alive = services.authority.verify_access(token, now).is_ok();
        Ok(Self { names: (claims.subject, claims.session), is_alive })
    }
}
