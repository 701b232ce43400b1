//! The routes: the list, their guards, and the answers for unknown routes and methods.

use std::fmt::Write;

use portcullis_api::{operations_table, route_table};
use portcullis_testkit::{Browser, TestDatabase, TestServer};
use portcullis_web::{Audience, Body};

use crate::wire;

#[test]
fn the_table_of_routes_is_this_one() {
    let mut table = String::new();
    for route in route_table().into_iter().chain(operations_table()) {
        let errors: Vec<&str> = route.errors.iter().map(|code| code.as_str()).collect();
        writeln!(
            table,
            "{:<7}{:<39}{:<34}{:<25}{}",
            route.method.as_str(),
            route.path,
            route.guard,
            route.limit,
            errors.join(" ")
        )
        .expect("writing to a string succeeds");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_route_has_a_place_of_its_own_and_every_admin_route_a_permission() {
    let table = route_table();
    for route in &table {
        let is_admins = route.path.starts_with("/api/admin/");
        let is_of_services = route.guard.audience == Audience::Service;
        let has_permission = !route.guard.permissions.is_empty();
        assert_eq!(has_permission, is_admins || is_of_services, "{route:?}");
        let same = table.iter().filter(|o| (o.method, o.path) == (route.method, route.path));
        assert_eq!(same.count(), 1, "{route:?}");
    }
}

#[test]
fn every_authenticated_route_refuses_strangers_and_every_public_one_does_not() {
    let server = TestServer::start(TestDatabase::sqlite());
    for route in route_table() {
        let answer =
            Browser::of(&server).send(route.method.as_str(), &example(route.path), &[], "");
        let challenged = answer.status == 401 && answer.code() == "not_authenticated";
        assert_eq!(challenged, route.guard.is_signed_in(), "{route:?}");
    }
}

#[test]
fn a_known_path_answers_other_methods_with_405_and_names_those_it_has() {
    let server = TestServer::start(TestDatabase::sqlite());
    let table = route_table();
    for route in &table {
        let methods = table.iter().filter(|other| other.path == route.path);
        let allowed: Vec<&str> =
            methods
                .map(|route| {
                    if route.method.as_str() == "GET" { "GET, HEAD" } else { route.method.as_str() }
                })
                .collect();
        let allowed = allowed.join(", ");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            // A parameter of another route takes the path for a value, as `{id}` takes `options`.
            let is_value = table
                .iter()
                .any(|other| other.method.as_str() == method && takes(other.path, route.path));
            if !allowed.contains(method) && !is_value {
                let answer = Browser::of(&server).send(method, &example(route.path), &[], "");
                assert_eq!(answer.status, 405, "{method} {}", route.path);
                assert_eq!(answer.header("allow"), Some(&*allowed), "{method} {}", route.path);
            }
        }
    }
}

/// True if the path with parameters takes the other path for one with values.
fn takes(path: &str, other: &str) -> bool {
    let (path, other) = (path.split('/'), other.split('/'));
    path.clone().count() == other.clone().count()
        && path.zip(other).all(|(own, other)| own.starts_with('{') || own == other)
}

#[test]
fn what_answers_a_get_answers_a_head_with_the_headers_alone() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in ["/health/ready", "/api/openapi.json", "/api/auth/me"] {
        let full = Browser::of(&server).get(path, &[]);
        let head = Browser::of(&server).send("HEAD", path, &[], "");
        assert_eq!((head.status, head.text.as_str()), (full.status, ""), "{path}");
        assert_eq!(head.header("content-type"), full.header("content-type"), "{path}");
    }
}

#[test]
fn an_unknown_method_is_refused_like_any_other() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = wire::send(&server, "BREW /api/auth/me", &[], b"");
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
}

#[test]
fn nothing_is_served_but_the_routes() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in [
        "/api",
        "/api/",
        "/api/auth/me/",
        "/api//auth/me",
        "/API/auth/me",
        "/api/auth/unknown",
        "/api/docs-and-more",
        "/api/docs/nowhere.js",
        "/api/docs/../auth/me",
        "/api/docs/%2e%2e/%2e%2e/etc/passwd",
        "/api/admin",
        "/api/admin/decisions/",
        "/api/admin/decisions/1/2",
        "/api/admin/matrix/versions/",
        "/metrics/",
        "/.git/config",
        "/.env",
        "/robots.txt",
        "/%00",
        "/%ff",
        "/api/auth/me%00",
        "/api/auth/me;x",
        "/api/auth/login%2fjson",
    ] {
        let answer = wire::send(&server, &format!("GET {path}"), &[], b"");
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
}

#[test]
fn a_query_changes_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let token = client.sign_in_for_tokens("ada").field("access_token");
    let path = format!("/api/auth/me?access_token={token}");
    assert_eq!(client.get(&path, &[]).code(), "not_authenticated");
    assert_eq!(client.get_as("/api/auth/me?id=1&id=2&%ff", &token).status, 200);
}

/// The path with values for its parameters.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn a_request_is_refused_before_its_body_is_there() {
    let server = TestServer::start(TestDatabase::sqlite());
    let refused = [401, 404];
    for route in route_table().iter().filter(|route| route.body != Body::None) {
        if matches!(route.guard.audience, Audience::Everybody | Audience::SessionCredentials) {
            continue;
        }
        // A body is announced and never sent.
        let lines = ["content-type: application/json", "content-length: 2", "connection: close"];
        let request = format!("{} {}", route.method.as_str(), example(route.path));
        let answer = wire::send(&server, &request, &lines, b"");
        assert!(refused.contains(&answer.status), "{route:?}: {answer:?}");
    }
}
