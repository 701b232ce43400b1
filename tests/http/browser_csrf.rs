//! Cross-site requests of a real browser: pages of other origins change nothing, whatever they send,
//! and the server's own pages work.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use portcullis_api::route_table;
use portcullis_testkit::{Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer};
use portcullis_web::{Body, Method, Route};
use serde_json::{Value, json};

#[test]
fn a_page_of_another_origin_is_refused_by_every_unsafe_route() {
    let (server, mut chromium) = start();
    let mut page = signed_in(&mut chromium, &server);

    let port = foreign_pages();
    let mut attempts = 0;
    // The same site with another port, to which the browser sends the cookies, and another site.
    for origin in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")] {
        page.open(&origin);
        for route in unsafe_routes() {
            let url = format!("{}{}", server.origin(), example(route.path));
            for credentials in ["include", "omit"] {
                assert_eq!(preflighted(&mut page, route, &url, credentials), "blocked", "{url}");
                attempts += 1;
                if route.method == Method::Post {
                    for content_type in FORM_TYPES {
                        let status = simple(&mut page, &url, credentials, content_type);
                        assert_refused(route, status, content_type, &origin);
                        attempts += 1;
                    }
                }
            }
            if route.method == Method::Post {
                for encoding in FORM_TYPES {
                    let status = form(&mut page, &url, encoding);
                    assert_refused(route, status, encoding, &origin);
                    page.open(&origin);
                    attempts += 1;
                }
            }
        }
    }
    println!("{attempts} attempts, all refused");
    page.open(&format!("{}/health/live", server.origin()));
    assert_eq!(fetch(&mut page, "/api/auth/me", &json!({})), 200, "the session goes on");
    let accounts = server.database().store().number("SELECT count(*) FROM accounts").unwrap();
    assert_eq!(accounts, 1);
}

#[test]
fn a_page_of_the_server_signs_in_and_out() {
    let (server, mut chromium) = start();
    let mut page = signed_in(&mut chromium, &server);
    let out = json!({ "method": "POST" });
    assert_eq!(fetch(&mut page, "/api/auth/logout", &out), 403, "without a CSRF token");
    let token =
        page.evaluate("fetch('/api/auth/csrf').then(a => a.json()).then(a => a.csrf_token)");
    let out = json!({ "method": "POST", "headers": { "x-csrf-token": token } });
    assert_eq!(fetch(&mut page, "/api/auth/logout", &out), 204);
    assert_eq!(fetch(&mut page, "/api/auth/me", &json!({})), 401);

    let url = format!("{}/api/auth/login", server.origin());
    assert_eq!(form(&mut page, &url, FORM_TYPES[0]), 200);
    page.event("Page.loadEventFired", |_| true);
    assert_eq!(fetch(&mut page, "/api/auth/me", &json!({})), 200);
}

/// The content types that a page may send anywhere without asking first.
const FORM_TYPES: [&str; 2] = ["application/x-www-form-urlencoded", "text/plain"];

fn unsafe_routes() -> Vec<&'static Route> {
    let routes = route_table();
    let routes = routes.into_iter().filter(|route| route.method != Method::Get);
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() >= 19);
    routes
}

/// The path with values for its parameters.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

fn assert_refused(route: &Route, status: u64, content_type: &str, origin: &str) {
    // Without cookies the type of the body may be the first reason, if the route does not read it.
    let is_read = matches!(route.body, Body::Form(_)) && content_type == FORM_TYPES[0];
    let is_refused = matches!(status, 401 | 403) || (status == 415 && !is_read);
    assert!(is_refused, "{route:?} {content_type} from {origin}: {status}");
}

/// A server with the account of Ada, and a browser.
fn start() -> (TestServer, Chromium) {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    (server, Chromium::start())
}

/// A page of the server on which Ada has signed in, so that the browser has the cookies.
fn signed_in<'a>(chromium: &'a mut Chromium, server: &TestServer) -> Page<'a> {
    let mut page = chromium.page();
    page.ignore_content_policies();
    page.open(&format!("{}/health/live", server.origin()));
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let headers = json!({ "content-type": "application/json" });
    let request = json!({ "method": "POST", "headers": headers, "body": body });
    assert_eq!(fetch(&mut page, "/api/auth/login/json", &request), 200);
    assert_eq!(fetch(&mut page, "/api/auth/me", &json!({})), 200);
    page
}

/// The status of a request of the page to its own origin.
fn fetch(page: &mut Page<'_>, path: &str, request: &Value) -> u64 {
    let status = page.evaluate(&format!("fetch('{path}', {request}).then(a => a.status)"));
    status.as_u64().expect("a status")
}

/// Sends JSON as a script must, after a preflight request. "blocked" if the browser forbids it.
fn preflighted(page: &mut Page<'_>, route: &Route, url: &str, credentials: &str) -> String {
    let request = json!({
        "method": route.method.as_str(),
        "credentials": credentials,
        "headers": { "content-type": "application/json", "x-csrf-token": "x" },
        "body": PREFLIGHTED,
    });
    let outcome =
        page.evaluate(&format!("fetch('{url}', {request}).then(a => 'sent', () => 'blocked')"));
    outcome.as_str().expect("a text").to_owned()
}

/// The body of such a request. The browser reports the request, although it does not send it.
const PREFLIGHTED: &str = "{}";

/// The status of a request that needs no preflight request. The page itself cannot see it.
fn simple(page: &mut Page<'_>, url: &str, credentials: &str, content_type: &str) -> u64 {
    let request = json!({
        "method": "POST",
        "mode": "no-cors",
        "credentials": credentials,
        "headers": { "content-type": content_type },
        "body": FORM,
    });
    // `Cross-Origin-Resource-Policy` keeps even the opaque response from the page.
    let outcome =
        page.evaluate(&format!("fetch('{url}', {request}).then(a => a.type, () => 'kept')"));
    assert!(outcome == "kept", "{url}: {outcome}");
    status(page, url)
}

/// The status of a form that the page submits.
fn form(page: &mut Page<'_>, url: &str, encoding: &str) -> u64 {
    page.evaluate(&format!(
        "(() => {{
            const form = document.createElement('form');
            Object.assign(form, {{ method: 'post', action: '{url}', enctype: '{encoding}' }});
            for (const [name, value] of new URLSearchParams('{FORM}')) {{
                const field = document.createElement('input');
                Object.assign(field, {{ name, value }});
                form.append(field);
            }}
            document.documentElement.append(form);
            form.submit();
        }})()"
    ));
    status(page, url)
}

/// A sign-in; the password is [`PASSWORD`].
const FORM: &str = "username=ada&password=violet-otter-plays-7-cellos";

/// The status of the response from this address.
fn status(page: &mut Page<'_>, url: &str) -> u64 {
    page.status_of(|request| request["url"] == url && request["postData"] != PREFLIGHTED)
}

/// Serves an empty page for every path, on a port of its own.
pub(crate) fn foreign_pages() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 31\r\n\
                connection: close\r\n\r\n<!doctype html><title>x</title>";
            // The browser opens connections in reserve, and sends nothing on them.
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    port
}
