//! The credentials of the operations: the security schemes, and the ones that each route accepts.

use portcullis_web::{Audience, CookieName, Method, Route, forget_cookie};
use utoipa::openapi::Components;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

const BEARER: &str = "bearer";
const COOKIE: &str = "cookie";
const COOKIE_OVER_HTTP: &str = "cookie_over_http";
const CSRF: &str = "csrf";
const SERVICE: &str = "service";
const SERVICE_SECRET: &str = "service_secret";
const API_KEY: &str = "api_key";

/// Adds the security schemes.
pub(super) fn add_schemes(components: &mut Components) {
    let bearer = |format: Option<&str>, about: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        SecurityScheme::Http(match format {
            Some(format) => scheme.bearer_format(format).build(),
            None => scheme.build(),
        })
    };
    let cookie = |secure: bool, about: &str| {
        let name = forget_cookie(CookieName::AccessToken, secure).name().to_owned();
        let value = ApiKeyValue::with_description(name, about.to_owned());
        SecurityScheme::ApiKey(ApiKey::Cookie(value))
    };
    let csrf = ApiKeyValue::with_description(
        "X-CSRF-Token",
        "The CSRF token of the session, from `GET /api/auth/csrf`. A request with the cookie that changes data requires \
         it.",
    );
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("The name and the secret of a service, from the configuration."))
        .build();
    for (name, scheme) in [
        (BEARER, bearer(Some("JWT"), "An access token of a sign-in with the delivery `body`.")),
        (
            COOKIE,
            cookie(
                true,
                "The access token of a sign-in with the delivery `cookie`. This is the cookie of a server with an https \
                 address: it has the attributes `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`.",
            ),
        ),
        (
            COOKIE_OVER_HTTP,
            cookie(
                false,
                "The same cookie of a server with an http address, for development: the name has no prefix `__Host-`, and \
                 the attribute `Secure` is absent. A server accepts one of the two cookies only.",
            ),
        ),
        (CSRF, SecurityScheme::ApiKey(ApiKey::Header(csrf))),
        (SERVICE, SecurityScheme::Http(basic)),
        (SERVICE_SECRET, bearer(None, "The secret of a service, without its name.")),
        (API_KEY, bearer(Some("API key"), "An API key of a developer or of a service account.")),
    ] {
        components.add_security_scheme(name, scheme);
    }
}

/// The credentials that a route accepts, each an alternative; empty for a public route.
pub(super) fn of(route: &Route) -> Vec<SecurityRequirement> {
    let scheme = |name| SecurityRequirement::new(name, [""; 0]);
    let by_cookie = |name| match route.method {
        Method::Get => scheme(name),
        _ => scheme(name).add(CSRF, [""; 0]),
    };
    let mut accepted = Vec::new();
    if route.guard.audience == Audience::Service {
        accepted.extend([scheme(SERVICE), scheme(SERVICE_SECRET)]);
    } else if route.guard.is_signed_in() {
        accepted.extend([scheme(BEARER), by_cookie(COOKIE), by_cookie(COOKIE_OVER_HTTP)]);
    }
    accepted.extend(route.guard.takes_api_keys().then(|| scheme(API_KEY)));
    accepted
}
