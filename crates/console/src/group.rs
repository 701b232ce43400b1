//! The group of the pages: their policies, their errors, and where a browser goes that is not signed in.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use actix_web::web;
use askama::Template;
use portcullis_web::{Code, ErrorBody, Group, Problem, Redirect, problem_document};

use crate::form::Faults;
use crate::local_path::LocalPath;
use crate::page::{Frame, HTML};
use crate::paths;
use crate::site::Site;
use crate::strings;

/// The group of the pages. A page loads only files of this server, and sends forms only to it.
///
/// The referrer policy lets browsers name the page in `Origin` and `Referer` of its own forms; other
/// sites learn nothing.
pub const PAGES: Group = Group {
    prefix: "/console",
    content_policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
        connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'",
    violation_reports: Some(paths::CSP_REPORTS),
    referrer_policy: "same-origin",
    is_shared: false,
    error,
    redirect,
};

/// The page of an error that no form shows.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    request_id: &'a str,
    shows_id: bool,
}

fn error(request: &HttpRequest, problem: &Problem, request_id: &str) -> ErrorBody {
    let Some(site) = request.app_data::<web::Data<Site>>() else {
        return problem_document(request, problem, request_id);
    };
    let faults = Faults::of(problem);
    let page = ErrorPage {
        frame: Frame::new(site, strings::title(problem.code)),
        faults,
        request_id,
        shows_id: problem.code.status() >= 500 || problem.code == Code::Forbidden,
    };
    match page.render() {
        Ok(html) => ErrorBody { media_type: HTML_PAGE, bytes: html.into_bytes() },
        Err(error) => {
            tracing::error!(%error, "an error page cannot be rendered");
            problem_document(request, problem, request_id)
        }
    }
}

/// The media type of pages.
const HTML_PAGE: HeaderValue = HeaderValue::from_static(HTML);

/// True for a request of a script. Browsers send `Sec-Fetch-Dest` over TLS and to this machine only, so the scripts of
/// the pages say it too.
fn is_by_script(request: &HttpRequest) -> bool {
    let is = |name: &str, word: &str| request.headers().get(name).is_some_and(|it| it == word);
    is("sec-fetch-dest", "empty") || is("x-requested-with", "XMLHttpRequest")
}

/// Without a valid access token, the browser goes to the renewal of its session, which may lead on to the
/// sign-in; and without a recent proof, to the confirmation. Both get a form as it was sent. A script of a page gets
/// the error: nobody is there to sign in, and what a page asks for by itself must not prolong a session.
fn redirect(request: &HttpRequest, problem: &Problem) -> Option<Redirect> {
    if is_by_script(request) {
        return None;
    }
    let form = LocalPath::of_form(request);
    match problem.code {
        Code::NotAuthenticated | Code::InvalidToken => Some(match form {
            Some(form) => Redirect::Repeat(form.after(paths::RENEW)),
            None => Redirect::Page(LocalPath::of_page(request).after(paths::RENEW)),
        }),
        Code::SignInTooOld => Some(match form {
            Some(form) => Redirect::Repeat(form.after(paths::CONFIRM_FORM)),
            None => Redirect::Page(LocalPath::of_page(request).after(paths::CONFIRM)),
        }),
        Code::FactorRequired => Some(Redirect::Page(format!("{}?notice=required", paths::FACTORS))),
        Code::PasswordChangeRequired => Some(Redirect::Page(paths::PASSWORD.to_owned())),
        _ => None,
    }
}
