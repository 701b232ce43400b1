//! Groups of routes: form of errors, response to a missing sign-in, and policies of pages.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

use crate::headers::Policies;
use crate::problem::{PROBLEM_TYPE, Problem, ProblemBody};
use crate::request::RequestContext;

/// Routes with a common prefix of their paths.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The prefix of the paths.
    pub prefix: &'static str,
    /// The header `Content-Security-Policy` of every response.
    pub content_policy: &'static str,
    /// The path to which browsers report violations of the content policy.
    pub violation_reports: Option<&'static str>,
    /// The header `Referrer-Policy` of every response.
    pub referrer_policy: &'static str,
    /// True if pages of the origins that CORS allows may use the routes, and false if only those of this server
    /// may.
    pub is_shared: bool,
    /// The media type and the body of an error, for this request with this id.
    pub error: fn(&HttpRequest, &Problem, &str) -> ErrorBody,
    /// Where the browser goes instead of showing the error, such as to the sign-in.
    pub redirect: fn(&HttpRequest, &Problem) -> Option<Redirect>,
}

/// Where the browser goes instead of showing an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// To the page at this path.
    Page(String),
    /// To this path with the same method and the same body, so that a form is not lost.
    Repeat(String),
}

impl Group {
    /// The policies of its responses.
    pub(crate) const fn policies(&self) -> Policies {
        Policies {
            content: self.content_policy,
            violation_reports: self.violation_reports,
            referrer: self.referrer_policy,
        }
    }
}

/// The form of an error.
#[derive(Debug)]
pub struct ErrorBody {
    /// The header `Content-Type`.
    pub media_type: HeaderValue,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Routes for programs: errors are problem documents, and nothing is loaded. This is the group of
/// every route that belongs to no other.
pub const API: Group = Group {
    prefix: "/",
    content_policy: "default-src 'none'; frame-ancestors 'none'",
    violation_reports: None,
    referrer_policy: "no-referrer",
    is_shared: true,
    error: problem_document,
    redirect: no_redirect,
};

/// Every error is shown.
pub const fn no_redirect(_: &HttpRequest, _: &Problem) -> Option<Redirect> {
    None
}

/// A problem document (RFC 9457) with this id of the request, and with the id of its trace.
pub fn problem_document(request: &HttpRequest, problem: &Problem, request_id: &str) -> ErrorBody {
    let trace = RequestContext::of(request).trace;
    let trace_id = trace.map(|context| context.trace.to_string());
    write(&problem.body(request_id).traced(trace_id.as_deref()))
}

/// As [`problem_document`], without a request.
pub(crate) fn document_of(problem: &Problem, request_id: &str) -> ErrorBody {
    write(&problem.body(request_id))
}

fn write(body: &ProblemBody<'_>) -> ErrorBody {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    ErrorBody { media_type: PROBLEM_TYPE, bytes }
}

/// All groups of an application except [`API`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups(pub(crate) &'static [Group]);

impl Groups {
    /// The group of a request, by its path as the route table reads it: `/%63onsole` is `/console`.
    pub(crate) fn of(request: &HttpRequest) -> &'static Group {
        let groups = request.app_data::<Self>().map_or(&[][..], |groups| groups.0);
        let path = request.match_info().as_str();
        groups.iter().find(|group| path.starts_with(group.prefix)).unwrap_or(&API)
    }
}
