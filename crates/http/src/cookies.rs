//! The cookies of the product: one constructor for all, so that no attribute is forgotten.
//!
//! With secure cookies every name carries the `__Host-` prefix (RFC 6265bis section 4.1.3.2), which
//! makes browsers refuse a cookie that another host or an unencrypted page has planted.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use portcullis_domain::SecretString;

use crate::problem::{Code, Problem};

/// A cookie that the product sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The access token. `Lax`, so that a link from a mail lands signed in.
    AccessToken,
    /// Without it the refresh token of a browser is useless.
    Binding,
    /// Shows that this browser has signed in to the account before.
    Device,
}

impl Name {
    const fn as_str(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::AccessToken, true) => "__Host-access_token",
            (Self::AccessToken, false) => "access_token",
            (Self::Binding, true) => "__Host-refresh_binding",
            (Self::Binding, false) => "refresh_binding",
            (Self::Device, true) => "__Host-device",
            (Self::Device, false) => "device",
        }
    }

    const fn same_site(self) -> SameSite {
        match self {
            Self::AccessToken => SameSite::Lax,
            Self::Binding | Self::Device => SameSite::Strict,
        }
    }
}

/// A cookie to be kept for `max_age`.
pub(crate) fn set(name: Name, value: &str, max_age: Duration, secure: bool) -> Cookie<'static> {
    build(name, value.to_owned(), max_age, secure)
}

/// A cookie that makes the browser forget one.
pub(crate) fn forget(name: Name, secure: bool) -> Cookie<'static> {
    build(name, String::new(), Duration::ZERO, secure)
}

fn build(name: Name, value: String, max_age: Duration, secure: bool) -> Cookie<'static> {
    let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(name.as_str(secure), value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(name.same_site())
        .max_age(CookieDuration::seconds(seconds))
        .finish()
}

/// The value of a cookie, if the request has it; two cookies of one name are refused, because only
/// an attacker gains from guessing which one counts.
pub(crate) fn read(
    request: &HttpRequest,
    name: Name,
    secure: bool,
) -> Result<Option<SecretString>, Problem> {
    let cookies = request.cookies().map_err(|_| Problem::new(Code::MalformedRequest))?;
    let wanted = name.as_str(secure);
    let mut values = cookies.iter().filter(|cookie| cookie.name() == wanted);
    let value = values.next().map(|cookie| SecretString::from(cookie.value().to_owned()));
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Problem::new(Code::AmbiguousCredentials)),
    }
}
