//! Groups of routes: form of errors, response to a missing sign-in, and content policy of pages.

use actix_web::http::header::HeaderValue;

use crate::problem::{PROBLEM_TYPE, Problem};

/// Routes with a common prefix of their paths.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The prefix of the paths.
    pub prefix: &'static str,
    /// The header `Content-Security-Policy` of every response.
    pub content_policy: &'static str,
    /// The media type and the body of an error.
    pub error: fn(&Problem, &str) -> ErrorBody,
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
    error: problem_document,
};

/// A problem document (RFC 9457); the second argument is the id of the request.
pub fn problem_document(problem: &Problem, request_id: &str) -> ErrorBody {
    let bytes = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    ErrorBody { media_type: PROBLEM_TYPE, bytes }
}

/// All groups of an application except [`API`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups(pub(crate) &'static [Group]);

impl Groups {
    /// The group of a path.
    pub(crate) fn of(self, path: &str) -> &'static Group {
        self.0.iter().find(|group| path.starts_with(group.prefix)).unwrap_or(&API)
    }
}
