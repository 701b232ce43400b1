//! What each role of the default matrix may open: every route for operators, tried with a session of it.

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use portcullis_web::{Body, Method, Route};

use crate::administration::with_role;
use crate::form::value;

/// The roles of the default matrix.
const ROLES: [&str; 8] =
    ["admin", "coordinator", "faculty", "clinical_staff", "rn", "lpn", "msa", "resident"];

fn is_for_operators(route: &Route) -> bool {
    ["/console/admin", "/api/admin"].iter().any(|prefix| route.path.starts_with(prefix))
}

/// A path with an id that nothing has.
fn path(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| match part {
        "{version}" | "{number}" => "77",
        "{address}" => "192.0.2.77",
        part if part.starts_with('{') => "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

const fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

/// The status of a request for this route, with a session of pages.
fn tried(browser: &mut Browser, route: &Route, csrf: &str, origin: &str) -> u16 {
    let (path, method) = (path(route), word(route.method));
    match route.body {
        Body::Form(_) => browser.submit(&path, &[("csrf_token", csrf)]).status,
        Body::None if route.method == Method::Get => browser.get(&path, &[]).status,
        body => {
            let json = ("content-type", "application/json");
            let headers = [("x-csrf-token", csrf), ("origin", origin), json];
            let headers = if body == Body::None { &headers[..2] } else { &headers[..] };
            let text = if body == Body::None { "" } else { "{}" };
            browser.send(method, &path, headers, text).status
        }
    }
}

#[test]
fn every_route_for_operators_is_open_to_the_roles_with_its_grants_only() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut routes = portcullis_console::route_table();
    routes.extend(portcullis_api::route_table());
    routes.retain(|route| is_for_operators(route));
    // The end of all sessions ends this one too, so it is tried last.
    let ends_all =
        |route: &Route| (route.path, route.method) == ("/api/admin/sessions", Method::Delete);
    routes.sort_by_key(|route| (ends_all(route), route.path, word(route.method)));
    let mut table: Vec<String> =
        routes.iter().map(|route| format!("{:6} {:52}", word(route.method), route.path)).collect();
    let origin = server.origin().to_owned();
    for role in ROLES {
        let username = format!("the-{}", role.replace('_', "-"));
        let mut browser = with_role(&server, &username, role);
        let csrf = value(&browser.get("/console", &[]), "csrf_token");
        for (route, line) in routes.iter().zip(&mut table) {
            let status = tried(&mut browser, route, &csrf, &origin);
            let cell = if status == 403 { "·  ".to_owned() } else { status.to_string() };
            line.push(' ');
            line.push_str(&cell);
        }
    }
    let head = format!("{:59} {}", "", ROLES.join(" "));
    let lines: Vec<&str> = table.iter().map(|line| line.trim_end()).collect();
    insta::assert_snapshot!(format!("{head}\n{}", lines.join("\n")));
}
