//! `/console/renew`: continues a session whose access token has expired.
//!
//! The browser comes here by a redirect from a page, and goes back to it with new cookies; from a form, with the
//! form as it was sent, which is read where it goes then. A GET may do that here: the cookies that it needs are sent by pages of this server only (`SameSite=Strict`), and a
//! repetition, as by a second tab, gets the same successor of the refresh token.
//!
//! After a link on another site the browser sends none of these cookies, although it has them. So the
//! first answer to such a request is a page that leads here again: that request comes from this server.

use actix_web::http::Method as Verb;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::refresh::{Refresh, RefreshRequest};
use portcullis_web::{
    Body, Code, CookieName, Guard, Limit, Method, Problem, RefreshPlace, Route, Settings, bind,
    blocking, cookie, forget_session, origin, set_session,
};

use super::first_step::{self, Notice};
use crate::local_path::LocalPath;
use crate::page::{Frame, comes_from_elsewhere, page, query_value, repeat, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

/// The page that leads to the renewal by itself.
#[derive(Template)]
#[template(path = "renewal.html")]
struct RenewalPage<'a> {
    frame: Frame<'a>,
    path: String,
}

pub(crate) const RENEW: Route = Route {
    method: Method::Get,
    path: paths::RENEW,
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::AmbiguousCredentials,
        Code::RefreshTokenReused,
        Code::OutsideNetworks,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

pub(crate) const RENEW_FORM: Route = Route { method: Method::Post, body: Body::FORM, ..RENEW };

/// The key of the query of a request that this server has caused.
const OWN: &str = "own";

/// Renews the session, or leads to the sign-in.
pub(crate) async fn renew(
    request: HttpRequest,
    site: web::Data<Site>,
    refresh: web::Data<Refresh>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let target = LocalPath::of_query(&request);
    let is_form = request.method() == Verb::POST;
    // A form is not sent after a new sign-in.
    let next = if is_form { LocalPath::of_page(&request) } else { target.clone() };
    let secure = settings.secure_cookies;
    let token = cookie(&request, CookieName::RefreshToken)?;
    let binding = cookie(&request, CookieName::Binding)?;
    let (Some(refresh_token), Some(binding)) = (token, binding) else {
        if comes_from_elsewhere(&request) && query_value(&request, OWN).is_none() {
            let path = next.after(RENEW.path);
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}{OWN}=1");
            return page(&RenewalPage { frame: Frame::new(&site, ENGLISH.renewal_title), path });
        }
        return Ok(see(&next.after(paths::SIGN_IN)));
    };
    let wanted =
        RefreshRequest { refresh_token, binding: Some(binding.clone()), origin: origin(&request) };
    match blocking(move || refresh.refresh(&wanted)).await {
        Ok(tokens) => {
            let mut response = if is_form { repeat(target.as_str()) } else { see(next.as_str()) };
            set_session(&mut response, &tokens, None, RefreshPlace::Cookie, secure);
            // The binding of this session, should a sign-in in another tab have set another one.
            bind(&mut response, &tokens, binding.expose_secret(), secure);
            Ok(response)
        }
        Err(problem) if problem.code == Code::InvalidRefreshToken => {
            let mut response = see(&Notice::Ended.path(&next));
            forget_session(&mut response, secure);
            Ok(response)
        }
        Err(problem) if problem.code == Code::RefreshTokenReused => {
            let mut response = first_step::again(&site, &problem, &next, "")?;
            forget_session(&mut response, secure);
            Ok(response)
        }
        Err(problem) => Err(problem),
    }
}
