//! The cookies that responses set and delete: the header `Set-Cookie` of each of them.

use std::time::Duration;

use portcullis_flows::sign_in::CHALLENGE_LIFETIME;
use portcullis_flows::sign_in::device::DEVICE_LIFETIME;
use portcullis_flows::sign_in::passkey_challenge::PasskeyOffer;
use portcullis_web::{CookieName, Route, forget_cookie, set_cookie};
use utoipa::openapi::RefOr;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::identity::{account_deletion, password_change};
use crate::sign_in::{
    challenge, device, mass_sign_out, passkey, passkey_sign_in, password, refresh, session,
    sign_out, step_up, totp,
};

/// The cookies of the successful response of a route. A response has those that its case needs: for example,
/// tokens with the delivery `body` need none.
struct Cookies {
    route: Route,
    sets: &'static [CookieName],
    deletes: &'static [CookieName],
}

const SESSION: &[CookieName] = &[CookieName::AccessToken, CookieName::Binding];

const SIGNED_IN: &[CookieName] =
    &[CookieName::AccessToken, CookieName::Binding, CookieName::Device];

const FIRST_STEP: &[CookieName] =
    &[CookieName::AccessToken, CookieName::Binding, CookieName::Device, CookieName::Challenge];

const SIGNED_OUT: &[CookieName] =
    &[CookieName::AccessToken, CookieName::Binding, CookieName::RefreshToken];

/// The refresh token of a page, which a sign-in by the API replaces.
const OF_PAGES: &[CookieName] = &[CookieName::RefreshToken];

const ALL: [Cookies; 16] = [
    sets(password::FORM, FIRST_STEP, OF_PAGES),
    sets(password::JSON, FIRST_STEP, OF_PAGES),
    sets(challenge::ANSWER, SIGNED_IN, &[CookieName::RefreshToken, CookieName::Challenge]),
    sets(passkey_sign_in::OPTIONS, &[CookieName::PasskeySignIn], &[]),
    sets(
        passkey_sign_in::VERIFY,
        SIGNED_IN,
        &[CookieName::RefreshToken, CookieName::PasskeySignIn],
    ),
    sets(refresh::REFRESH, &[CookieName::AccessToken], &[]),
    sets(step_up::STEP_UP, &[CookieName::AccessToken], &[]),
    sets(totp::CONFIRM, SESSION, OF_PAGES),
    sets(passkey::VERIFY, SESSION, OF_PAGES),
    sets(password_change::CHANGE, SIGNED_IN, OF_PAGES),
    sets(sign_out::LOGOUT, &[], SIGNED_OUT),
    sets(sign_out::LOGOUT_ALL, &[], SIGNED_OUT),
    sets(session::END, &[], SIGNED_OUT),
    sets(account_deletion::DELETE_OWN, &[], SIGNED_OUT),
    sets(mass_sign_out::END_ALL, &[], SIGNED_OUT),
    sets(device::FORGET, &[], &[CookieName::Device]),
];

const fn sets(
    route: Route,
    sets: &'static [CookieName],
    deletes: &'static [CookieName],
) -> Cookies {
    Cookies { route, sets, deletes }
}

/// Adds the headers to the successful response, if the route sets or deletes cookies.
pub(super) fn describe(operation: &mut Operation, route: &Route) {
    let is_of_route =
        |of: &&Cookies| of.route.path == route.path && of.route.method == route.method;
    let Some(cookies) = ALL.iter().find(is_of_route) else { return };
    for (status, response) in &mut operation.responses.responses {
        if status.as_str() < "300"
            && let RefOr::T(response) = response
        {
            response.headers.insert("Set-Cookie".to_owned(), RefOr::T(cookies.header()));
            if cookies.deletes == SIGNED_OUT {
                response.headers.insert("Clear-Site-Data".to_owned(), RefOr::T(site_data()));
            }
        }
    }
}

impl Cookies {
    fn header(&self) -> Header {
        let both = || self.sets.iter().chain(self.deletes);
        let names = both().flat_map(|name| [true, false].map(|secure| cookie_name(*name, secure)));
        let pattern = format!("^({})=", names.collect::<Vec<_>>().join("|"));
        let mut header = HeaderBuilder::new()
            .description(Some(self.description()))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))));
        for (names, is_set) in [(self.sets, true), (self.deletes, false)] {
            for name in names {
                for secure in [true, false] {
                    let line =
                        if is_set { example(*name, secure) } else { deletion(*name, secure) };
                    let example = ExampleBuilder::new().value(Some(line.into())).build();
                    header = header
                        .examples_from_iter([(cookie_name(*name, secure), RefOr::T(example))]);
                }
            }
        }
        header.build()
    }

    fn description(&self) -> String {
        let mut parts = Vec::new();
        for (verb, names) in [("Sets", self.sets), ("Deletes", self.deletes)] {
            let names: Vec<String> =
                names.iter().map(|name| format!("`{}`", cookie_name(*name, true))).collect();
            if !names.is_empty() {
                parts.push(format!("{verb} {}.", names.join(", ")));
            }
        }
        format!(
            "{} Each cookie has a header line of its own, and is there if the client needs it: not with the delivery `body`. \
             A server with an http address, for development, uses the names without `__Host-`, and no attribute `Secure`.",
            parts.join(" ")
        )
    }
}

fn cookie_name(name: CookieName, secure: bool) -> String {
    forget_cookie(name, secure).name().to_owned()
}

fn deletion(name: CookieName, secure: bool) -> String {
    forget_cookie(name, secure).to_string()
}

fn example(name: CookieName, secure: bool) -> String {
    let minutes = |number: u64| Duration::from_secs(number * 60);
    let (value, lifetime) = match name {
        CookieName::AccessToken => {
            ("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", minutes(30))
        }
        CookieName::RefreshToken => {
            ("eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", minutes(7 * 24 * 60))
        }
        CookieName::Binding => {
            ("pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs", minutes(30 * 24 * 60))
        }
        CookieName::Challenge => {
            ("8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA", CHALLENGE_LIFETIME)
        }
        CookieName::PasskeySignIn => {
            ("5wL2cH9jF4dG7zAeUiOkMtXyZspK3vT1mS8xQ6rN0bY", PasskeyOffer::CHALLENGE_LIFETIME)
        }
        CookieName::Device => ("eyJ0eXAiOiJkdCtqd3QifQ.e30.c2lnbmF0dXJl", DEVICE_LIFETIME),
    };
    set_cookie(name, value, lifetime, secure).to_string()
}

/// The header with which a browser deletes the data of pages too.
fn site_data() -> Header {
    HeaderBuilder::new()
        .description(Some("The data of pages that the browser deletes: its cache and its storage."))
        .example(Some("\"cache\", \"storage\"".into()))
        .build()
}
