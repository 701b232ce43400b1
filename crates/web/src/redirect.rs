//! Redirect of plain HTTP to the configured origin: pages only.
//!
//! A program that sends its credentials in plain text gets an error, not a redirect that hides the
//! fault.

use actix_web::http::Method;
use std::io;
use std::net::TcpListener;

use actix_server::Server;
use actix_web::http::header::LOCATION;
use actix_web::{App, HttpRequest, HttpResponse, web};

use crate::problem::{Code, Problem};
use crate::settings::Settings;
use crate::stack;
use crate::transport::{self, ConnectionContext, Endpoint};

/// The first segments of paths that are no pages.
const NO_PAGES: [&str; 4] = ["api", ".well-known", "health", "metrics"];

/// A server on this listener. Its connections count among those of clients.
pub(crate) fn server(listener: TcpListener, shared: &ConnectionContext) -> io::Result<Server> {
    let shared = shared.beside(|_| ());
    let ConnectionContext { settings, request_ids, lifecycle, .. } = shared.clone();
    let app = move || {
        let app = App::new()
            .app_data(settings.clone())
            .app_data(request_ids.clone())
            .app_data(lifecycle.clone())
            .default_service(web::to(redirect));
        stack::layers(app, &settings)
    };
    transport::server(app, Endpoint::plain(listener), &shared)
}

/// Redirects a request for a page, and refuses every other one. The body is not read.
async fn redirect(
    request: HttpRequest,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let location = location(&request, &settings.origin);
    let location = location.ok_or_else(|| Problem::new(Code::TlsRequired))?;
    let mut response = HttpResponse::PermanentRedirect();
    Ok(response.insert_header((LOCATION, location)).finish())
}

/// The place of the page. The client chooses the path and the query, and never the host.
fn location(request: &HttpRequest, origin: &str) -> Option<String> {
    let target = request.uri().path_and_query()?.as_str();
    let first = request.path().strip_prefix('/')?.split('/').next()?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    (is_read && !NO_PAGES.contains(&first)).then(|| format!("{origin}{target}"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const ORIGIN: &str = "https://auth.example.org";

    fn place(method: Method, uri: &str) -> Option<String> {
        location(&TestRequest::with_uri(uri).method(method).to_http_request(), ORIGIN)
    }

    #[test]
    fn pages_are_redirected_to_the_configured_host_only() {
        for (uri, expected) in [
            ("/", "https://auth.example.org/"),
            (
                "/console/sign-in?next=%2Fconsole",
                "https://auth.example.org/console/sign-in?next=%2Fconsole",
            ),
            ("http://evil.example/console", "https://auth.example.org/console"),
            ("//evil.example/", "https://auth.example.org//evil.example/"),
            ("/@evil.example", "https://auth.example.org/@evil.example"),
        ] {
            assert_eq!(place(Method::GET, uri).as_deref(), Some(expected), "{uri}");
            assert_eq!(place(Method::HEAD, uri).as_deref(), Some(expected), "{uri}");
            assert_eq!(place(Method::POST, uri), None, "{uri}");
        }
        for uri in ["/api", "/api/auth/me", "/.well-known/jwks.json", "/health/live", "/metrics"] {
            assert_eq!(place(Method::GET, uri), None, "{uri}");
        }
    }
}
