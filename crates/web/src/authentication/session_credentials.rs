//! Credentials that sign a client out of its own session: access token (also expired), binding
//! cookie, refresh token.
//!
//! An expired access token is enough: it gives no access, and ending a session needs less than
//! using it. Cookies count only if the request comes from an allowed page, so that no other site
//! can sign a user out. While the access token is valid, a page can get a CSRF token, and must send
//! one as for every other change. After its expiry no page can get a CSRF token: then the headers
//! that scripts cannot change decide, and the binding cookie, which browsers send from the own site
//! only. A CSRF token that a page has kept must be valid if it is sent.

use actix_web::HttpRequest;
use portcullis_domain::{AccountId, ExposeSecret, SecretString, SessionId};

use super::{Authenticator, bearer};
use crate::cookies::{Name, cookie};
use crate::csrf;
use crate::page::{self, Page};
use crate::problem::{Code, Problem};

/// The credentials in the head of a request. The body may add a refresh token, which no page of
/// another site can know.
#[derive(Debug)]
pub struct SessionCredentials {
    /// Account and session of an access token, expired or not.
    pub access: Option<(AccountId, SessionId)>,
    /// The binding cookie.
    pub binding: Option<SecretString>,
    /// The error if there is no session to end; the response then also deletes the cookies of a
    /// browser.
    pub otherwise: Option<Code>,
}

impl Authenticator {
    /// Collects the session credentials of the request.
    pub(crate) fn session_credentials(
        &self,
        request: &HttpRequest,
    ) -> Result<SessionCredentials, Problem> {
        let token = cookie(request, Name::AccessToken)?;
        match (bearer(request)?, token) {
            (Some(_), Some(_)) => Err(Problem::new(Code::AmbiguousCredentials)),
            (Some(token), None) => Ok(SessionCredentials {
                access: Some(self.shown(token)?.names),
                binding: None,
                otherwise: Some(Code::InvalidToken),
            }),
            (None, token) => {
                let shown = token.and_then(|token| self.shown(token.expose_secret()).ok());
                self.by_cookies(request, shown, cookie(request, Name::Binding)?)
            }
        }
    }

    fn by_cookies(
        &self,
        request: &HttpRequest,
        shown: Option<VerifiedAccessToken>,
        binding: Option<SecretString>,
    ) -> Result<SessionCredentials, Problem> {
        let has_cookies = cookie(request, Name::AccessToken)?.is_some() || binding.is_some();
        if let Some(VerifiedAccessToken { names: (_, session), is_alive }) = &shown
            && (*is_alive || request.headers().contains_key(csrf::HEADER))
        {
            csrf::check(request, &self.csrf, *session)?;
        }
        match page::of(request)? {
            Page::Foreign => Err(Problem::new(Code::CsrfFailed)),
            Page::Allowed => Ok(SessionCredentials {
                access: shown.map(|shown| shown.names),
                binding,
                otherwise: (!has_cookies).then_some(Code::NotAuthenticated),
            }),
            // No modern browser: only credentials that the client sends explicitly count.
            Page::Unknown if has_cookies => Ok(SessionCredentials {
                access: None,
                binding: None,
                otherwise: Some(Code::CsrfFailed),
            }),
            Page::Unknown => Ok(SessionCredentials {
                access: None,
                binding: None,
                otherwise: Some(Code::NotAuthenticated),
            }),
        }
    }

    fn shown(&self, token: &str) -> Result<VerifiedAccessToken, Problem> {
        let now = self.clock.now();
        let claims = self.authority.verify_expired_access(token, now);
        let claims = claims.map_err(|_| Problem::new(Code::InvalidToken))?;
        if self.revocations.set().is_revoked(&claims) {
            return Err(Problem::new(Code::InvalidToken));
        }
        let is_alive = self.authority.verify_access(token, now).is_ok();
        Ok(VerifiedAccessToken { names: (claims.subject, claims.session), is_alive })
    }
}

/// An access token that was not revoked.
struct VerifiedAccessToken {
    names: (AccountId, SessionId),
    is_alive: bool,
}
