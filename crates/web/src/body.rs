//! Request bodies: refused rather than repaired.
//!
//! A body must be of the one content type its route reads, at most as large as the route declares, UTF-8, with every field known, present once and of the right type.

mod strict_types;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, rt, web};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use self::strict_types::StrictTypes;
use crate::fault;
use crate::problem::{Code, FieldProblem, Problem};
use crate::route::Route;

/// A body that takes longer to arrive is given up, so that slow clients hold nothing for long.
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
/// When it is too large, of another type, or late.
pub fn read_json(
    request: &HttpRequest,
    payload: web::Payload,
) -> impl Future<Output = Result<web::BytesMut, Problem>> + use<> {
    read(request, &mut payload.into_inner(), JSON)
}

/// Parses a body.
///
/// # Errors
///
/// What does not fit, by field.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(Code::MalformedBody)
            .detail("The body must be one JSON object, in UTF-8 without a byte order mark."));
    }
    parsed(body)
        .map_err(|error| if error.is_data() { located::<T>(body) } else { malformed(&error) })
}

const JSON: &str = "application/json";

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(StrictTypes(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a body that does not fit once more, to learn where; those that fit need not pay for that.
fn located<T: DeserializeOwned>(body: &[u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(StrictTypes(&mut deserializer)) {
        Ok(_) => Problem::new(Code::InvalidRequest),
        Err(error) => misfit(&error.path().to_string(), error.inner()),
    }
}

/// A body of type `application/x-www-form-urlencoded`.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, "application/x-www-form-urlencoded");
        Box::pin(async move {
            let body = body.await?;
            let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(&body));
            serde_path_to_error::deserialize(pairs)
                .map(Self)
                .map_err(|error| misfit(&error.path().to_string(), error.inner()))
        })
    }
}

/// The whole body, if its type and size are right.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    wanted: &'static str,
) -> impl Future<Output = Result<web::BytesMut, Problem>> + use<> {
    let right_type = is_of_type(request, wanted);
    let encoded = request.headers().contains_key(header::CONTENT_ENCODING);
    let most = Route::of(request).map(|route| route.body.limit());
    let mut payload = payload.take();
    async move {
        if !right_type || encoded {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let body = rt::time::timeout(BODY_TIMEOUT, collect(&mut payload, most?)).await;
        body.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))
    }
}

async fn collect(payload: &mut Payload, most: usize) -> Result<web::BytesMut, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody))?;
        if body.len().saturating_add(chunk.len()) > most {
            let detail = format!("Send at most {} KiB.", most / 1024);
            return Err(Problem::new(Code::BodyTooLarge).detail(detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether the body has exactly this type, with no parameter but UTF-8.
fn is_of_type(request: &HttpRequest, wanted: &str) -> bool {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted))
        && parts.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(Code::MalformedBody)
        .detail(format!("The body is not well-formed JSON at line {line}, column {column}."))
}

/// Says in our words which field does not fit: the parser's own text is not part of the contract.
fn misfit(path: &str, error: &dyn fmt::Display) -> Problem {
    let said = error.to_string();
    let named = |prefix| {
        let rest = said.strip_prefix(prefix)?;
        Some(printable(rest.split('`').next().unwrap_or(rest)))
    };
    let (field, code, message) = if let Some(field) = named("missing field `") {
        (field, "missing", "this field is required")
    } else if let Some(field) = named("unknown field `") {
        (field, "unknown", "this route knows no such field; remove it")
    } else if let Some(field) = named("duplicate field `") {
        (field, "duplicate", "this field may appear only once")
    } else if let Some((code, message)) = fault::of(&said) {
        (path.to_owned(), code, message)
    } else {
        (path.to_owned(), "wrong_type", "this value is not of a form the route accepts")
    };
    Problem::new(Code::InvalidRequest).field(FieldProblem::new(field, code, message))
}

/// A field's name, if it can be one: what a client sends in the place of a name, a whole JSON text
/// as a form, say, may hold a password and is not repeated.
pub(crate) fn printable(name: &str) -> String {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { name.to_owned() } else { String::new() }
}
