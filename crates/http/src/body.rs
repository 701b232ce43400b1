//! Request bodies: refused rather than repaired.
//!
//! A body must be of the one content type its route reads, at most 16 KiB of UTF-8, with every field
//! known, present once and of the right type, and with no control characters in any text.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, rt, web};
use futures_util::StreamExt;
use portcullis_domain::SecretString;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use url::form_urlencoded;

use crate::problem::{Code, FieldProblem, Problem};

/// The largest body any route reads, in bytes.
pub(crate) const LIMIT: usize = 16 * 1024;

/// A body that takes longer to arrive is given up, so that slow clients hold nothing for long.
const PATIENCE: Duration = Duration::from_secs(15);

/// A body of type `application/json`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, "application/json");
        Box::pin(async move {
            let body = body.await?;
            // Serde would also fill a struct from an array, field by field.
            if body.trim_ascii_start().first() != Some(&b'{') {
                return Err(Problem::new(Code::MalformedBody).detail(
                    "The body must be one JSON object, in UTF-8 without a byte order mark.",
                ));
            }
            let mut deserializer = serde_json::Deserializer::from_slice(&body);
            let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
                let path = error.path().to_string();
                let inner = error.into_inner();
                if inner.is_data() { misfit(&path, &inner) } else { malformed(&inner) }
            })?;
            deserializer.end().map_err(|error| malformed(&error))?;
            Ok(Self(parsed))
        })
    }
}

/// A body of type `application/x-www-form-urlencoded`.
pub(crate) struct Form<T>(pub(crate) T);

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
    let mut payload = payload.take();
    async move {
        if !right_type || encoded {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let body = rt::time::timeout(PATIENCE, collect(&mut payload)).await;
        body.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))
    }
}

async fn collect(payload: &mut Payload) -> Result<web::BytesMut, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody))?;
        if body.len().saturating_add(chunk.len()) > LIMIT {
            return Err(Problem::new(Code::BodyTooLarge));
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
    let text = error.to_string();
    let named = |prefix| {
        let rest = text.strip_prefix(prefix)?;
        Some(printable(rest.split('`').next().unwrap_or(rest)))
    };
    let (field, code, message) = if let Some(field) = named("missing field `") {
        (field, "missing", "this field is required")
    } else if let Some(field) = named("unknown field `") {
        (field, "unknown", "this route knows no such field; remove it")
    } else if let Some(field) = named("duplicate field `") {
        (field, "duplicate", "this field may appear only once")
    } else if text.starts_with(FORBIDDEN_CHARACTER) {
        (path.to_owned(), "forbidden_character", "control characters are not allowed")
    } else {
        (path.to_owned(), "wrong_type", "this value is not of a form the route accepts")
    };
    Problem::new(Code::InvalidRequest).field(FieldProblem::new(field, code, message))
}

/// A field's name, if it can be one: what a client sends in the place of a name, a whole JSON text
/// as a form, say, may hold a password and is not repeated.
fn printable(name: &str) -> String {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { name.to_owned() } else { String::new() }
}

const FORBIDDEN_CHARACTER: &str = "forbidden character";

/// A text without control characters, and without the mark that decoders leave of damaged bytes.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TextVisitor).map(Self)
    }
}

/// A [`Text`] that must not be shown: a password or a token.
#[derive(Debug)]
pub(crate) struct SecretText(pub(crate) SecretString);

impl<'de> serde::Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_string(TextVisitor)?;
        Ok(Self(SecretString::from(text)))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        if text.chars().any(|c| c.is_control() || c == '\u{fffd}') {
            return Err(E::custom(FORBIDDEN_CHARACTER));
        }
        Ok(text.to_owned())
    }
}
