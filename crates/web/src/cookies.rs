//! Cookies: one constructor for all, so that no attribute is missing.
//!
//! With secure cookies every name has the prefix `__Host-` (RFC 6265bis section 4.1.3.2), with
//! which browsers refuse a cookie that another host or an unencrypted page has set.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use portcullis_domain::{ExposeSecret, SecretString};

use crate::problem::{Code, Problem};
use crate::settings::Settings;
use crate::text::trim_blanks;

/// A cookie of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The access token. `Lax`, so that a link in an email opens signed in.
    AccessToken,
    /// The refresh token of a browser that uses the pages. Scripts never see it.
    RefreshToken,
    /// The binding cookie: without it the refresh token of a browser is useless.
    Binding,
    /// The cookie that binds the second step of a sign-in to the browser of the first.
    Challenge,
    /// The cookie that binds a sign-in with a passkey to the browser that started it.
    PasskeySignIn,
    /// The device cookie: proves that this browser has signed in to the account before.
    Device,
}

impl Name {
    const fn as_str(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::AccessToken, true) => "__Host-access_token",
            (Self::AccessToken, false) => "access_token",
            (Self::RefreshToken, true) => "__Host-refresh_token",
            (Self::RefreshToken, false) => "refresh_token",
            (Self::Binding, true) => "__Host-refresh_binding",
            (Self::Binding, false) => "refresh_binding",
            (Self::Challenge, true) => "__Host-mfa_binding",
            (Self::Challenge, false) => "mfa_binding",
            (Self::PasskeySignIn, true) => "__Host-passkey_binding",
            (Self::PasskeySignIn, false) => "passkey_binding",
            (Self::Device, true) => "__Host-device",
            (Self::Device, false) => "device",
        }
    }

    const fn same_site(self) -> SameSite {
        match self {
            Self::AccessToken => SameSite::Lax,
            Self::RefreshToken
            | Self::Binding
            | Self::Challenge
            | Self::PasskeySignIn
            | Self::Device => SameSite::Strict,
        }
    }
}

/// A cookie to be kept for `max_age`.
pub fn set(name: Name, value: &str, max_age: Duration, secure: bool) -> Cookie<'static> {
    build(name, value.to_owned(), max_age, secure)
}

/// A cookie that makes the browser delete one.
pub fn forget(name: Name, secure: bool) -> Cookie<'static> {
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

/// The value of a cookie of the request, if it has it.
///
/// # Errors
///
/// [`Code::AmbiguousCredentials`] if it has two of that name.
pub fn cookie(request: &HttpRequest, name: Name) -> Result<Option<SecretString>, Problem> {
    read(request.headers(), name, Settings::of(request)?.secure_cookies)
}

/// The value of a cookie, if the request has it. Two cookies of one name are refused, because a
/// choice between them could only help an attacker.
///
/// Names and values are not decoded. Decoding would let `__%48ost-access_token`, which browsers do
/// not protect, pass for `__Host-access_token`. Other cookies, even malformed ones, are skipped.
fn read(headers: &HeaderMap, name: Name, secure: bool) -> Result<Option<SecretString>, Problem> {
    let lines = headers.get_all(header::COOKIE).map(HeaderValue::as_bytes);
    let mut values = lines
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| trim_blanks(str::from_utf8(pair).ok()?).split_once('='))
        .filter(|(known, _)| *known == name.as_str(secure))
        .map(|(_, value)| SecretString::from(value));
    let value = values.next();
    match values.next() {
        // A browser may keep a deleted cookie as an empty one.
        None => Ok(value.filter(|value| !value.expose_secret().is_empty())),
        Some(_) => Err(Problem::new(Code::AmbiguousCredentials)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_says_everything_that_protects_it() {
        let day = Duration::from_secs(86_400);
        for (name, secure, expected) in [
            (
                Name::AccessToken,
                false,
                "access_token=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400",
            ),
            (
                Name::AccessToken,
                true,
                "__Host-access_token=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400",
            ),
            (
                Name::Binding,
                true,
                "__Host-refresh_binding=v; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400",
            ),
            (
                Name::Device,
                true,
                "__Host-device=v; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400",
            ),
        ] {
            assert_eq!(set(name, "v", day, secure).to_string(), expected);
        }
        let forgotten = forget(Name::Device, false).to_string();
        assert_eq!(forgotten, "device=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_read_under_its_exact_name_and_as_it_was_sent() {
        let secure = |line: &[u8]| value(&[line], true);
        assert_eq!(secure(b"__Host-access_token=a.b"), Ok(Some("a.b".to_owned())));
        assert_eq!(secure(b"x=1;__Host-access_token=a.b ;y=2"), Ok(Some("a.b".to_owned())));
        assert_eq!(secure(b"__Host-access_token=a%2eb"), Ok(Some("a%2eb".to_owned())));
        assert_eq!(secure(b"__Host-access_token=a=b"), Ok(Some("a=b".to_owned())));
        let beside = "__Host-access_token=a; \u{2003}__Host-access_token=x";
        assert_eq!(secure(beside.as_bytes()), Ok(Some("a".to_owned())));
        for other in [
            b"access_token=a".as_slice(),
            b"__%48ost-access_token=a",
            b"__host-access_token=a",
            b"__Host-access_token",
            b"=__Host-access_token=a",
            // Browsers do not protect names after blanks of Unicode.
            "\u{2003}__Host-access_token=a".as_bytes(),
            "\u{a0}__Host-access_token=a".as_bytes(),
            "\u{85}__Host-access_token=a".as_bytes(),
            b"",
        ] {
            assert_eq!(secure(other), Ok(None), "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn a_damaged_neighbour_does_not_hide_a_cookie() {
        assert_eq!(
            value(&[b"caf\xe9=\xff; access_token=a; ;;=\xff"], false),
            Ok(Some("a".to_owned()))
        );
    }

    #[test]
    fn two_of_one_name_are_refused_in_one_line_or_in_two() {
        let twice: [&[&[u8]]; 3] = [
            &[b"access_token=a; access_token=a"],
            &[b"access_token=a", b"access_token=b"],
            &[b"access_token=; access_token=a"],
        ];
        for lines in twice {
            assert_eq!(value(lines, false), Err(Code::AmbiguousCredentials));
        }
    }

    fn value(lines: &[&[u8]], secure: bool) -> Result<Option<String>, Code> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        match read(&headers, Name::AccessToken, secure) {
            Ok(found) => Ok(found.map(|value| value.expose_secret().to_owned())),
            Err(problem) => Err(problem.code),
        }
    }
}
