//! Every route: method, path, handler, and the errors of its own.
//!
//! One list mounts the handlers, describes the guards and errors in the API document, and is what
//! the tests go through.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::{Method, header};
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder, web};

use crate::guard::{Guard, Guarded, Requirement};
use crate::matrix::{self, trial, version};
use crate::problem::{Code, Problem};
use crate::revocation::{self, snapshot};
use crate::trail::{self, export};
use crate::{
    account, checkpoint, csrf, decision, health, introspection, jwks, mass_sign_out, metrics,
    openapi, password_change, refresh, registration, session, setup, sign_in, sign_out, user,
};

fn routes(to: &mut impl Router) {
    to.post("/api/auth/register", registration::register, registration::ERRORS);
    to.post("/api/auth/login", sign_in::form, sign_in::ERRORS);
    to.post("/api/auth/login/json", sign_in::json, sign_in::ERRORS);
    to.post("/api/auth/refresh", refresh::refresh, refresh::ERRORS);
    to.post("/api/auth/logout", sign_out::logout, sign_out::ERRORS);
    to.post("/api/auth/logout/all", sign_out::logout_all, sign_out::ERRORS);
    to.post("/api/auth/password/change", password_change::change, password_change::ERRORS);
    to.get("/api/auth/me", account::me, &[Code::Unavailable]);
    to.get("/api/auth/sessions", session::list, session::LIST_ERRORS);
    to.delete("/api/auth/sessions", session::end_others, session::END_OTHERS_ERRORS);
    to.delete("/api/auth/sessions/{id}", session::end, session::END_ERRORS);
    to.get("/api/auth/csrf", csrf::issue, &[]);
    to.post("/api/setup", setup::set_up, setup::ERRORS);
    to.post("/api/authz/check", decision::check, decision::ERRORS);
    to.post("/api/authz/check/batch", decision::check_batch, decision::ERRORS);
    to.get("/api/authz/matrix", matrix::show, matrix::ERRORS);
    to.get("/api/admin/users/{id}", user::read, user::READ_ERRORS);
    to.patch("/api/admin/users/{id}", user::change, user::CHANGE_ERRORS);
    to.delete("/api/admin/users/{id}/sessions", user::end_sessions, user::END_SESSIONS_ERRORS);
    to.delete("/api/admin/sessions", mass_sign_out::end_all, mass_sign_out::ERRORS);
    to.get("/api/admin/matrix/versions", version::list, version::READ_ERRORS);
    to.post("/api/admin/matrix/versions", version::propose, version::PROPOSE_ERRORS);
    to.get("/api/admin/matrix/versions/{number}", version::read, version::READ_ONE_ERRORS);
    to.post("/api/admin/matrix/activate", version::activate, version::ACTIVATE_ERRORS);
    to.post("/api/admin/matrix/rollback", version::roll_back, version::ROLL_BACK_ERRORS);
    to.post("/api/admin/matrix/validate", trial::validate, trial::ERRORS);
    to.post("/api/admin/matrix/diff", trial::diff, trial::ERRORS);
    to.post("/api/admin/matrix/replay", trial::replay, trial::REPLAY_ERRORS);
    to.get("/api/admin/decisions/{id}", trail::decision, trail::DECISION_ERRORS);
    to.get("/api/admin/audit", trail::search, trail::SEARCH_ERRORS);
    to.get("/api/admin/audit/export", export::export, export::ERRORS);
    to.get("/api/admin/audit/checkpoints/{number}", checkpoint::fetch, checkpoint::ERRORS);
    to.get("/.well-known/jwks.json", jwks::publish, &[]);
    to.get("/api/revocations", revocation::feed, revocation::ERRORS);
    to.get("/api/revocations/snapshot", snapshot::take, snapshot::ERRORS);
    to.post("/api/auth/introspect", introspection::introspect, introspection::INTROSPECT_ERRORS);
    to.post("/api/auth/revoke", introspection::revoke, introspection::REVOKE_ERRORS);
    to.get("/api/openapi.json", openapi::serve, &[]);
    to.get("/health/live", health::live, &[]);
    to.get("/health/ready", health::ready, health::READY_ERRORS);
    to.get("/metrics", metrics::expose, metrics::ERRORS);
}

/// One route, as documented and tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// The HTTP method.
    pub method: &'static str,
    /// The path; a segment in braces stands for any.
    pub path: &'static str,
    /// Who may call it.
    pub guard: Requirement,
    /// The errors beyond those of every route with this guard.
    pub errors: &'static [Code],
}

impl RouteEntry {
    /// As the header `Allow` lists them.
    fn methods(&self) -> &'static str {
        if self.method == "GET" { "GET, HEAD" } else { self.method }
    }

    fn matches(&self, path: &str) -> bool {
        let is_parameter = |segment: &str| segment.starts_with('{');
        let (known, asked) = (self.path.split('/'), path.split('/'));
        known.clone().count() == asked.clone().count()
            && known
                .zip(asked)
                .all(|(known, asked)| known == asked || (is_parameter(known) && !asked.is_empty()))
    }
}

/// Every route there is.
pub fn route_table() -> Vec<RouteEntry> {
    let mut table = Table(Vec::new());
    routes(&mut table);
    table.0
}

/// Mounts every route.
pub(crate) fn configure(app: &mut ServiceConfig) {
    routes(&mut Mount(app));
}

/// What is asked for and is not there: 405 with `Allow` for a known path, else 404.
pub(crate) async fn no_such_route(request: HttpRequest) -> HttpResponse {
    let table = route_table();
    let known = table.iter().filter(|route| route.matches(request.path()));
    let allowed: Vec<&str> = known.map(RouteEntry::methods).collect();
    if allowed.is_empty() {
        return HttpResponse::from_error(Problem::new(Code::NotFound));
    }
    let mut response = HttpResponse::from_error(Problem::new(Code::MethodNotAllowed));
    if let Ok(allow) = allowed.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Where routes go.
trait Router {
    fn route<F, Args>(
        &mut self,
        method: Method,
        path: &'static str,
        handler: F,
        errors: &'static [Code],
    ) where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static;

    fn get<F, Args>(&mut self, path: &'static str, handler: F, errors: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::GET, path, handler, errors);
    }

    fn post<F, Args>(&mut self, path: &'static str, handler: F, errors: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::POST, path, handler, errors);
    }

    fn patch<F, Args>(&mut self, path: &'static str, handler: F, errors: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PATCH, path, handler, errors);
    }

    fn delete<F, Args>(&mut self, path: &'static str, handler: F, errors: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::DELETE, path, handler, errors);
    }
}

struct Mount<'a>(&'a mut ServiceConfig);

impl Router for Mount<'_> {
    fn route<F, Args>(&mut self, method: Method, path: &'static str, handler: F, _: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        // Whoever may GET may ask for the headers alone (RFC 9110 section 9.3.2).
        let route = if method == Method::GET {
            web::route().guard(Any(Get()).or(Head()))
        } else {
            web::method(method)
        };
        self.0.route(path, route.to(handler));
    }
}

struct Table(Vec<RouteEntry>);

impl Router for Table {
    fn route<F, Args>(&mut self, method: Method, path: &'static str, _: F, errors: &'static [Code])
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        let method = match method {
            Method::GET => "GET",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "POST",
        };
        self.0.push(RouteEntry { method, path, guard: Args::Guard::REQUIREMENT, errors });
    }
}
