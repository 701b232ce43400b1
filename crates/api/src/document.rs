//! The API document (OpenAPI 3.1), generated from the handlers and the route table.

mod credentials;
mod set_cookie;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_web::{Audience, Body, Code, Method, Problem, ProblemBody, Rate, Route};
use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};

use crate::openapi;
use crate::routes::route_table;

/// The API document as JSON.
pub fn document() -> String {
    let mut api = Api::openapi();
    if let Some(components) = &mut api.components {
        credentials::add_schemes(components);
    }
    let mut bodies = BTreeSet::new();
    for route in route_table() {
        let item = api.paths.paths.get_mut(route.path);
        let operation = item.and_then(|item| match route.method {
            Method::Get => item.get.as_mut(),
            Method::Post => item.post.as_mut(),
            Method::Patch => item.patch.as_mut(),
            Method::Delete => item.delete.as_mut(),
        });
        if let Some(operation) = operation {
            describe(operation, route);
            set_cookie::describe(operation, route);
            if let Some(RefOr::T(body)) = &mut operation.request_body
                && matches!(route.body, Body::OptionalJson(_))
            {
                body.required = Some(Required::False);
            }
            openapi::text::describe_parameters(operation);
            bodies.extend(openapi::text::body_schemas(operation));
        }
    }
    if let Some(components) = &mut api.components {
        openapi::text::describe_bodies(components, bodies);
    }
    api.to_json().unwrap_or_default()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Portcullis",
        description = "Sign-in, sessions, tokens and permissions. Errors are application/problem+json (RFC 9457) \
            with a stable `code`. Times are RFC 3339 in UTC, ids are opaque.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    servers((url = "/", description = "The server that serves this document")),
    paths(
        crate::identity::registration::register,
        crate::identity::email_verification::verify,
        crate::identity::email_verification::resend,
        crate::identity::email_change::change,
        crate::identity::email_change::confirm,
        crate::sign_in::password::form,
        crate::sign_in::password::json,
        crate::sign_in::challenge::answer,
        crate::sign_in::refresh::refresh,
        crate::sign_in::sign_out::logout,
        crate::sign_in::sign_out::logout_all,
        crate::identity::account::me,
        crate::identity::profile::change,
        crate::identity::account_deletion::delete_own,
        crate::identity::own_data::export,
        crate::identity::network_allowlist::read,
        crate::identity::network_allowlist::replace,
        crate::sign_in::session::list,
        crate::sign_in::session::end,
        crate::sign_in::session::end_others,
        crate::sign_in::device::list,
        crate::sign_in::device::forget,
        crate::identity::password_change::change,
        crate::identity::password_removal::remove,
        crate::identity::password_reset_request::forgot,
        crate::identity::password_reset::reset,
        crate::identity::disavowal::disavow,
        crate::sign_in::csrf::issue,
        crate::sign_in::backup_code::list,
        crate::sign_in::totp::enrol,
        crate::sign_in::totp::confirm,
        crate::sign_in::totp::disable,
        crate::sign_in::passkey_sign_in::options,
        crate::sign_in::passkey_sign_in::verify,
        crate::sign_in::passkey::list,
        crate::sign_in::passkey::options,
        crate::sign_in::passkey::verify,
        crate::sign_in::passkey::rename,
        crate::sign_in::passkey::remove,
        crate::sign_in::step_up::options,
        crate::sign_in::backup_code::generate,
        crate::sign_in::step_up::step_up,
        crate::identity::bootstrap::set_up,
        crate::access::decision::check,
        crate::access::decision::check_batch,
        crate::access::matrix::show,
        crate::access::matrix::version::list,
        crate::access::matrix::version::propose,
        crate::access::matrix::version::read,
        crate::access::matrix::version::activate,
        crate::access::matrix::version::roll_back,
        crate::access::matrix::trial::validate,
        crate::access::matrix::trial::diff,
        crate::access::matrix::trial::replay,
        crate::identity::account_directory::list,
        crate::identity::account_change::read,
        crate::identity::account_change::change,
        crate::identity::account_change::end_sessions,
        crate::identity::account_change::end_session,
        crate::sign_in::session_directory::list_of_user,
        crate::sign_in::session_directory::list,
        crate::sign_in::lockout_directory::list,
        crate::sign_in::unlock::read,
        crate::sign_in::unlock::unlock,
        crate::machine::api_key::of_user::list,
        crate::machine::api_key::of_user::revoke,
        crate::identity::network_allowlist::read_of_user,
        crate::identity::network_allowlist::replace_of_user,
        crate::identity::invitation::list,
        crate::identity::invitation::create,
        crate::identity::invitation::revoke,
        crate::identity::account_deletion::delete,
        crate::identity::account_change::reset_factors,
        crate::sign_in::mass_sign_out::end_all,
        crate::audit::trail::decision,
        crate::audit::trail::search,
        crate::audit::trail::export::export,
        crate::audit::sign_in_statistics::read,
        crate::sign_in::risk_replay::list,
        crate::sign_in::risk_replay::replay,
        crate::audit::checkpoint::fetch,
        crate::node::ban::list,
        crate::node::ban::impose,
        crate::node::ban::lift,
        crate::node::outbox::list,
        crate::node::outbox::resend,
        crate::node::signing_key::list,
        crate::node::signing_key::rotate,
        crate::node::signing_key::retire,
        crate::node::job::list,
        crate::node::setting::list,
        crate::machine::api_key::list,
        crate::machine::api_key::create,
        crate::machine::api_key::rotate,
        crate::machine::api_key::revoke,
        crate::machine::jwks::publish,
        crate::machine::revocation::feed,
        crate::machine::revocation::snapshot::take,
        crate::machine::introspection::introspect,
        crate::machine::introspection::revoke,
        crate::node::document::serve,
        crate::node::csp_report::receive,
        crate::node::health::live,
        crate::node::health::ready,
    ),
    components(schemas(ProblemBody<'_>)),
    tags(
        (name = "auth", description = "Accounts, sign-in and sessions"),
        (name = "factors", description = "Second factors, and step-up"),
        (name = "setup", description = "The first administrator"),
        (name = "authorization", description = "Permission checks and the active access matrix"),
        (name = "matrix", description = "Versions of the access matrix: validation, activation, rollback"),
        (name = "users", description = "Administration of accounts and their sessions, and invitations"),
        (name = "audit", description = "Search, export and statistics of the audit log, and its checkpoints"),
        (name = "bans", description = "Bans of client addresses"),
        (name = "machines", description = "API keys"),
        (name = "services", description = "Verification of tokens by other services"),
        (name = "operations", description = "Health, outbox, signing keys, jobs, settings, and the API document")
    )
)]
struct Api;

/// Adds the common parts of every operation: its guard, and its errors, each with an example.
fn describe(operation: &mut Operation, route: &Route) {
    operation.security = Some(credentials::of(route));
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(route) {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let mut content =
            ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        for code in &codes {
            let example = json!(example(*code).body("5f1c9a7e40d2b836-2a"));
            content = content.examples_from_iter([(
                code.as_str(),
                ExampleBuilder::new().summary(code.title()).value(Some(example)).build(),
            )]);
        }
        let titles: Vec<&str> = codes.iter().map(|code| code.title()).collect();
        let mut response = ResponseBuilder::new()
            .description(titles.join("; "))
            .content("application/problem+json", content.build());
        if codes.contains(&Code::RateLimited) {
            for (name, about) in RATE_LIMIT_FIELDS {
                let header = HeaderBuilder::new().description(Some(about));
                response = response.header(name, header.build());
            }
        }
        let response = response.build();
        operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }
}

/// The header fields of a response 429 (draft-ietf-httpapi-ratelimit-headers).
const RATE_LIMIT_FIELDS: [(&str, &str); 3] = [
    ("Retry-After", "Seconds until the same request would be accepted"),
    ("RateLimit-Policy", "Each limit of the request: name, quota `q`, window `w` in seconds"),
    ("RateLimit", "For each limit the requests that remain, `r`, and the seconds until reset, `t`"),
];

fn example(code: Code) -> Problem {
    let decision = Some("5f1c9a7e40d2b836-42").filter(|_| code == Code::Forbidden);
    let decision = decision.and_then(|id| id.parse().ok());
    decision.map_or_else(|| Problem::new(code), Problem::forbidden)
}

/// The errors of a route: its own, those of its guard, and those of reading a body.
fn codes(route: &Route) -> Vec<Code> {
    let mut codes = route.errors.to_vec();
    let is_safe = route.method == Method::Get || route.guard.is_query;
    let late = if is_safe { Code::Unavailable } else { Code::OutcomeUnknown };
    codes.extend([Code::Banned, Code::Internal, Code::UrlTooLong, late]);
    if !matches!(route.limit.rate, Rate::Exempt(_)) {
        codes.extend([Code::RateLimited, Code::Busy]);
    }
    if route.guard.is_signed_in() {
        codes.extend([
            Code::NotAuthenticated,
            Code::InvalidToken,
            Code::AmbiguousCredentials,
            Code::RevocationsStale,
            Code::Unavailable,
        ]);
    } else if route.guard.audience == Audience::Service {
        codes.push(Code::InvalidServiceCredential);
    } else if route.method != Method::Get {
        codes.push(Code::ForeignOrigin);
    }
    if route.guard.takes_api_keys() {
        codes.extend([
            Code::InvalidApiKey,
            Code::ApiKeyExpired,
            Code::ApiKeyOwnerInactive,
            Code::OutsideNetworks,
            Code::AmbiguousCredentials,
            Code::Unavailable,
        ]);
        if route.guard.audience == Audience::Service {
            codes.push(Code::OutOfScope);
        }
    } else if route.guard.is_signed_in() && route.guard.audience != Audience::SessionCredentials {
        codes.push(Code::ApiKeyNotAccepted);
    }
    match route.guard.audience {
        Audience::Caller => {
            codes.extend([Code::PasswordChangeRequired, Code::FactorRequired]);
        }
        Audience::PasswordChange => codes.push(Code::FactorRequired),
        Audience::FactorEnrolment => codes.push(Code::PasswordChangeRequired),
        _ => {}
    }
    if !route.guard.permissions.is_empty() {
        codes.extend([Code::Forbidden, Code::Unavailable]);
    }
    if route.guard.recent_sign_in || route.guard.recent_factor {
        codes.push(Code::SignInTooOld);
    }
    if route.body != Body::None {
        codes.extend([
            Code::MalformedBody,
            Code::InvalidRequest,
            Code::BodyTooLarge,
            Code::RequestTimeout,
            Code::UnsupportedMediaType,
        ]);
    }
    codes.sort_by_key(|code| code.as_str());
    codes.dedup();
    codes
}
