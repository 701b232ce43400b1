//! Requests of clients, with the sample password where it is not given.

use portcullis_domain::{Delivery, SecretString};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::sign_in::refresh::RefreshRequest;
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_flows::sign_in::{BrowserCookies, SignInRequest, SignedIn};
use portcullis_testkit::{PASSWORD, samples};

/// A request for an account with the sample password.
pub(crate) fn account_request(name: &str) -> AccountRequest {
    AccountRequest {
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        password: SecretString::from(PASSWORD),
        display_name: None,
        origin: samples::origin(),
    }
}

/// A browser that signs in with the sample password, and has no device cookie.
pub(crate) fn by_name(identifier: &str) -> SignInRequest {
    typing(identifier, PASSWORD)
}

pub(crate) fn typing(identifier: &str, password: &str) -> SignInRequest {
    SignInRequest {
        identifier: identifier.to_owned(),
        password: SecretString::from(password),
        delivery: Delivery::Cookie,
        device_name: None,
        browser: BrowserCookies::default(),
        origin: samples::origin(),
    }
}

/// A browser with this device cookie, and without a session.
pub(crate) fn device_cookie(cookie: SecretString) -> BrowserCookies {
    BrowserCookies { device: Some(cookie), ..BrowserCookies::default() }
}

/// The cookies of the browser that was signed in.
pub(crate) fn cookies(signed_in: &SignedIn) -> BrowserCookies {
    let binding = signed_in.binding.as_ref();
    BrowserCookies {
        device: signed_in.device_token.clone(),
        session_binding: binding.map(|cookie| SecretString::from(cookie.expose())),
    }
}

/// The browser that was signed in refreshes, with its cookie.
pub(crate) fn refreshing(signed_in: &SignedIn) -> RefreshRequest {
    RefreshRequest {
        refresh_token: signed_in.tokens.refresh_token.clone(),
        binding: cookies(signed_in).session_binding,
        origin: samples::origin(),
    }
}

/// The same browser goes on with what it was given since.
pub(crate) fn refreshing_next(signed_in: &SignedIn, tokens: &SessionTokens) -> RefreshRequest {
    RefreshRequest { refresh_token: tokens.refresh_token.clone(), ..refreshing(signed_in) }
}

/// A wrong password.
pub(crate) fn guess(identifier: &str) -> SignInRequest {
    typing(identifier, "not the password of anybody")
}
