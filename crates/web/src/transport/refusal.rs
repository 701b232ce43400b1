//! Refusals of input that is no HTTP request: a problem document like every other, with the same
//! headers.

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use jiff::fmt::rfc2822::DateTimePrinter;
use portcullis_domain::Timestamp;

use crate::group::{API, ErrorBody, document_of};
use crate::headers;
use crate::problem::Problem;
use crate::request_id::REQUEST_ID;

/// A complete response with this problem, after which the connection ends.
pub(super) fn answer(problem: &Problem, request_id: &str, secure: bool, now: Timestamp) -> Vec<u8> {
    let ErrorBody { media_type, bytes } = document_of(problem, request_id);
    let mut headers = HeaderMap::new();
    headers::protect(&mut headers, API.policies(), secure);
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let time = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default();
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&time)
        && let Ok(date) = HeaderValue::from_str(&date)
    {
        headers.insert(header::DATE, date);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut answer = format!("HTTP/1.1 {}\r\n", problem.status_code()).into_bytes();
    for (name, value) in &headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            answer.extend_from_slice(part);
        }
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend(bytes);
    answer
}

/// The status of a response that the HTTP server itself has generated, and its start: it has no
/// body and none of the fields of every other response, and nothing follows it.
pub(super) fn bare(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.get(bytes.len().saturating_sub(MAX_BARE)..)?;
    let begin = tail.windows(START.len()).rposition(|window| window == START)?;
    let head = std::str::from_utf8(tail.get(begin..)?).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let code = lines.next()?.split(' ').nth(1)?;
    let status = StatusCode::from_bytes(code.as_bytes()).ok()?;
    let mut fields = lines.filter_map(|line| line.split_once(':')).map(|(name, _)| name);
    let is_bare = fields.all(|name| {
        ["content-length", "connection", "date"].iter().any(|own| name.eq_ignore_ascii_case(own))
    });
    let is_error = status.is_client_error() || status.is_server_error();
    (is_bare && is_error).then_some((bytes.len() - tail.len() + begin, status))
}

const START: &[u8] = b"HTTP/1.1 ";

/// Longer than such a response.
const MAX_BARE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                        date: Wed, 25 Nov 2026 18:00:00 GMT\r\n\r\n";

    #[test]
    fn an_answer_of_the_server_behind_is_found_at_the_end_only() {
        let found = |text: &str| bare(text.as_bytes());
        assert_eq!(found(BARE), Some((0, StatusCode::BAD_REQUEST)));
        let other = "HTTP/1.1 200 OK\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(found(&[other, BARE].concat()), Some((other.len(), StatusCode::BAD_REQUEST)));
        assert_eq!(found(other), None);
        assert_eq!(found(&[BARE, other].concat()), None);
        assert_eq!(found(&BARE.replace("date", "x-request-id")), None);
        assert_eq!(found(&BARE.replace("400 Bad Request", "204 No Content")), None);
        assert_eq!(found(""), None);
    }
}
