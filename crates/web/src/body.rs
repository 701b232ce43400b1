//! Request bodies: strict parsing; an invalid body is refused, not repaired.
//!
//! A body must have the one content type of its route and at most its declared size, be UTF-8, and
//! have only known fields, each present once and of the right type.

mod mismatch;
mod strict_types;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, rt, web};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use url::form_urlencoded;

use self::mismatch::{BodyError, Mismatch, SideChannel};
use crate::csrf;
use crate::limit::receive;
use crate::problem::{Code, FieldProblem, Problem};
use crate::route::Route;

/// The timeout for receiving a body, so that slow clients hold nothing for long.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// A body of type `application/json`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, JSON);
        Box::pin(async move { parse(&body.await?).map(Self) })
    }
}

/// The body of type `application/json`, for a handler that parses it elsewhere.
///
/// # Errors
///
/// If it is too large, of another type, or late.
pub fn read_json(
    request: &HttpRequest,
    payload: web::Payload,
) -> impl Future<Output = Result<web::BytesMut, Problem>> + use<> {
    read(request, &mut payload.into_inner(), JSON)
}

/// The reports of a browser ([`Body::Reports`](crate::Body::Reports)), for a handler that parses them.
///
/// # Errors
///
/// If they are too large, of another type, or late.
pub fn read_reports(
    request: &HttpRequest,
    payload: web::Payload,
) -> impl Future<Output = Result<web::BytesMut, Problem>> + use<> {
    read(request, &mut payload.into_inner(), REPORTS)
}

/// Parses a body.
///
/// # Errors
///
/// The faults of each field.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(Code::MalformedBody)
            .detail("The body must be one JSON object, in UTF-8 without a byte order mark."));
    }
    if depth(body) > MAX_DEPTH {
        return Err(Problem::new(Code::MalformedBody).detail(format!(
            "The body may have at most {MAX_DEPTH} levels of objects and lists."
        )));
    }
    let side = SideChannel::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    match T::deserialize(side.strict(&mut json)) {
        Ok(value) => json.end().map(|()| value).map_err(|error| malformed(&error)),
        Err(BodyError::Inner(error)) if !error.is_data() => Err(malformed(&error)),
        // Parsed a second time, to locate the fault; a valid body does not pay for that.
        Err(_) => located(&mut serde_json::Deserializer::from_slice(body)),
    }
}

const JSON: &[&str] = &["application/json"];

/// The types of the directives `report-uri` (CSP level 3 section 5.3) and `report-to` (Reporting API).
const REPORTS: &[&str] = &["application/csp-report", "application/reports+json"];

const FORM: &[&str] = &["application/x-www-form-urlencoded"];

/// The maximum depth of objects and lists in a JSON body.
const MAX_DEPTH: usize = 32;

/// The depth of objects and lists in a JSON text: the exact one if the text is well-formed.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Parses a body and reports the field of a fault.
fn located<'de, T: Deserialize<'de>>(deserializer: impl Deserializer<'de>) -> Result<T, Problem> {
    let side = SideChannel::default();
    serde_path_to_error::deserialize(side.strict(deserializer)).map_err(|error| {
        let path = error.path().to_string();
        Problem::invalid(vec![field_problem(path, error.into_inner().into_mismatch())])
    })
}

/// A body of type `application/x-www-form-urlencoded`.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, FORM);
        let request = request.clone();
        Box::pin(async move {
            let body = body.await?;
            let rest = csrf::check_form(&request, &body)?;
            let fields = rest.as_ref().map_or(&*body, String::as_bytes);
            located(serde_urlencoded::Deserializer::new(form_urlencoded::parse(fields))).map(Self)
        })
    }
}

/// The whole body, if its type and size are right.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    wanted: &'static [&'static str],
) -> impl Future<Output = Result<web::BytesMut, Problem>> + use<> {
    let right_type = is_of_type(request, wanted);
    let encoded = request.headers().contains_key(header::CONTENT_ENCODING);
    let most = Route::of(request).map(|route| route.body.limit());
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut payload = payload.take();
    let request = request.clone();
    async move {
        if !right_type || encoded {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let most = most?;
        if announced.is_some_and(|length| length > most) {
            return Err(too_large(most));
        }
        let body = rt::time::timeout(BODY_TIMEOUT, collect(&mut payload, most));
        let late = |_| Err(Problem::new(Code::RequestTimeout));
        receive(&request, async { body.await.unwrap_or_else(late) }).await
    }
}

async fn collect(payload: &mut Payload, most: usize) -> Result<web::BytesMut, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody))?;
        if body.len().saturating_add(chunk.len()) > most {
            return Err(too_large(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large(most: usize) -> Problem {
    Problem::new(Code::BodyTooLarge).detail(format!("Send at most {} KiB.", most / 1024))
}

/// True if the body has exactly one of these types, with no parameter but UTF-8.
fn is_of_type(request: &HttpRequest, wanted: &[&str]) -> bool {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| wanted.iter().any(|it| essence.eq_ignore_ascii_case(it)))
        && parts.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(Code::MalformedBody)
        .detail(format!("The body is not well-formed JSON at line {line}, column {column}."))
}

/// Describes the fault of the field at this path in our own words.
fn field_problem(path: String, mismatch: Mismatch) -> FieldProblem {
    let (field, code, message) = match mismatch {
        Mismatch::Missing(field) => (field.to_owned(), "missing", "this field is required"),
        Mismatch::Unknown(field) => {
            (printable(&field), "unknown", "this route knows no such field; remove it")
        }
        Mismatch::Duplicate(field) => {
            (field.to_owned(), "duplicate", "this field may appear only once")
        }
        Mismatch::Fault { code, advice } => (path, code, advice),
        Mismatch::WrongType => {
            (path, "wrong_type", "this value is not of a form the route accepts")
        }
    };
    FieldProblem::new(field, code, message)
}

/// The name of a field, if it can be one: a client may send a whole JSON text as a form, and such a
/// "name" may hold a password and is not repeated.
pub(crate) fn printable(name: &str) -> String {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { name.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::de::{self, value::MapDeserializer};

    use super::*;
    use crate::text::ShortText;

    /// An error without a text.
    #[derive(Debug, thiserror::Error)]
    #[error("")]
    struct Silent;

    impl de::Error for Silent {
        fn custom<T: fmt::Display>(_: T) -> Self {
            Self
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what does not fit is looked at")]
    struct Fields {
        name: ShortText,
        age: Option<u8>,
    }

    #[test]
    fn objects_and_lists_are_counted_outside_of_texts() {
        for (json, levels) in [
            ("{}", 1),
            (r#"{"a":[{}],"b":[]}"#, 3),
            (r#"{"a":"[[[[","b":"\"[["}"#, 1),
            (r#"{"a":"\\","b":[[]]}"#, 3),
            ("", 0),
            ("]]]{", 1),
        ] {
            assert_eq!(depth(json.as_bytes()), levels, "{json}");
        }
    }

    #[test]
    fn a_deep_body_is_refused_and_one_of_the_maximum_is_read() {
        let nested = |levels: usize| {
            format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
        };
        let read = |levels| parse::<serde_json::Value>(nested(levels).as_bytes());
        assert!(read(MAX_DEPTH).is_ok());
        assert_eq!(read(MAX_DEPTH + 1).unwrap_err().code, Code::MalformedBody);
        assert_eq!(read(4_000_000).unwrap_err().code, Code::MalformedBody);
    }

    #[test]
    fn field_and_code_do_not_come_from_the_text_of_an_error() {
        let long = "a".repeat(257);
        for (pairs, field, code) in [
            ([("age", "")].as_slice(), "age", "wrong_type"),
            (&[], "name", "missing"),
            (&[("name", "a"), ("name", "b")], "name", "duplicate"),
            (&[("name", "a"), ("admin", "b")], "admin", "unknown"),
            (&[("na`me", "a")], "", "unknown"),
            (&[("name", "\n")], "name", "forbidden_character"),
            (&[("name", &long)], "name", "too_long"),
        ] {
            let pairs = pairs.iter().copied();
            let problem = located::<Fields>(MapDeserializer::<_, Silent>::new(pairs)).unwrap_err();
            let fault = &serde_json::to_value(problem.body("")).unwrap()["errors"][0];
            assert_eq!((&fault["field"], &fault["code"]), (&field.into(), &code.into()));
        }
    }
}
