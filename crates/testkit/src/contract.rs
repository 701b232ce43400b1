//! Contract of every response of the server: a [`Browser`](crate::Browser) checks each response
//! that it receives.
//!
//! Bodies are checked against the schemas of the API document in both directions. Every response
//! matches the document and has no undocumented member. Every accepted request is one that the
//! document allows, and no request that was refused for its form is allowed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::Answer;

/// Words of libraries and of stack traces, which a response must never contain.
const FOREIGN_WORDS: &[&str] = &[
    "serde",
    "expected",
    "invalid type",
    "invalid value",
    "unknown variant",
    "while parsing",
    "panicked",
    "diesel",
    "sqlite",
    "libpq",
    "actix",
    ".rs:",
];

/// The errors of requests without a route.
const BEFORE_ROUTE: &[&str] = &["banned", "rate_limited", "busy", "url_too_long"];

const PREFLIGHT: &[&str] = &["foreign_origin", "malformed_request", "method_not_allowed"];

/// The request.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path, with the query.
    pub path: &'a str,
    /// The body, if it is of type `application/json`.
    pub json: Option<&'a str>,
}

/// Panics when the response violates the API document or the specification.
pub fn check(sent: Sent<'_>, answer: &Answer) {
    let is_redirect = sent.path == "/" || sent.path == "/.well-known/change-password";
    let is_page = sent.path.starts_with("/console") || (is_redirect && answer.status < 400);
    if is_page { check_page(sent, answer) } else { check_api(sent, answer) }
}

/// Checks a page: headers, and the parts that every page has.
fn check_page(Sent { method, path, .. }: Sent<'_>, answer: &Answer) {
    let request = format!("{method} {path} answered {}", answer.status);
    assert!(answer.header("x-request-id").is_some(), "{request} without X-Request-Id");
    let may_be_kept = path.starts_with("/console/assets/") && answer.status == 200;
    let caching = if may_be_kept { "public, max-age=31536000, immutable" } else { "no-store" };
    assert_eq!(answer.header("cache-control"), Some(caching), "{request}");
    if path.starts_with("/console") {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; "), "{request}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{request}: {policy}");
    }
    if matches!(answer.status, 301..=308) {
        let location = answer.header("location").unwrap_or_default();
        assert!(location.starts_with("/console"), "{request} and leads to {location}");
        return;
    }
    if may_be_kept || method == "HEAD" {
        return;
    }
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{request}");
    // A mark of a picture has a title too, but not on a line of its own.
    for part in ["<!doctype html>", "<html lang=", "\n<title>", "<main ", "<h1>"] {
        assert_eq!(answer.text.matches(part).count(), 1, "{request}: {part}: {}", answer.text);
    }
    for part in [" style=", "<style", " onclick=", "javascript:"] {
        assert!(!answer.text.contains(part), "{request} has {part}");
    }
    if answer.status >= 400 {
        let text = answer.text.to_lowercase();
        let foreign = FOREIGN_WORDS.iter().find(|word| text.contains(**word));
        assert_eq!(foreign, None, "{request}: {}", answer.text);
    }
}

fn check_api(sent: Sent<'_>, answer: &Answer) {
    let Sent { method, path, json } = sent;
    let path = path.split('?').next().unwrap_or(path);
    let request = format!("{method} {path} answered {}", answer.status);
    assert!(answer.header("x-request-id").is_some(), "{request} without X-Request-Id");
    assert_eq!(answer.header("server"), None, "{request} and said what the server is");
    let may_be_kept = path == "/.well-known/jwks.json" && matches!(answer.status, 200 | 304);
    let caching = if may_be_kept { "public, max-age=300" } else { "no-store" };
    assert_eq!(answer.header("cache-control"), Some(caching), "{request}");
    if method == "HEAD" {
        return;
    }
    if answer.status >= 400 {
        check_problem(method, path, answer, &request);
    }
    let operation = &documented(path)[method.to_lowercase()];
    check_answer(operation, answer, &request);
    check_cookies(operation, answer, &request);
    if let Some(body) = json.and_then(|body| serde_json::from_str(body).ok()) {
        check_request(operation, &body, answer, &request);
    }
}

/// Checks the body of a response against the document.
fn check_answer(operation: &Value, answer: &Answer, request: &str) {
    let content_type = answer.header("content-type").unwrap_or_default();
    let response = &operation["responses"][answer.status.to_string()];
    let content = &response["content"][content_type];
    let check = |schema: &Value, value: &Value| {
        if let Some(fault) = answer_fault(schema, value) {
            panic!("{request} with what the API document does not say: {fault}: {value}");
        }
    };
    if content_type.contains("jsonl") {
        let schema = &content["x-itemSchema"];
        // The last line of a truncated body may be incomplete.
        let lines = answer.text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        for line in lines.filter(|_| !schema.is_null()) {
            check(schema, &serde_json::from_str(line).expect("a line is JSON"));
        }
    } else if content_type.contains("json") && !content["schema"].is_null() {
        check(&content["schema"], &answer.json());
    }
}

/// Checks the cookies of a response against the document.
fn check_cookies(operation: &Value, answer: &Answer, request: &str) {
    let header = &operation["responses"][answer.status.to_string()]["headers"]["Set-Cookie"];
    for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        if let Some(fault) = cookie_fault(header, line) {
            panic!("{request} with a cookie that the API document does not say: {fault}");
        }
    }
}

/// Returns the fault of a line `Set-Cookie`, if the header of the document has no example with this name and these
/// attributes. The value and the lifetime may differ.
pub fn cookie_fault(header: &Value, line: &str) -> Option<String> {
    let (name, attributes) = cookie_form(line);
    let Some(example) = header["examples"][name]["value"].as_str() else {
        return Some(format!("{name} is not named"));
    };
    let (_, documented) = cookie_form(example);
    let is_deletion = |line: &str| line.ends_with("; Max-Age=0");
    if documented != attributes || is_deletion(example) != is_deletion(line) {
        return Some(format!("{line} is not as {example}"));
    }
    fault(&header["schema"], &json!(line))
}

/// The name of a cookie, and its attributes without the lifetime.
fn cookie_form(line: &str) -> (&str, Vec<&str>) {
    let mut parts = line.split("; ");
    let (name, _) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
    (name, parts.filter(|part| !part.starts_with("Max-Age=")).collect())
}

/// Checks the server's treatment of a request body against the document.
fn check_request(operation: &Value, body: &Value, answer: &Answer, request: &str) {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return;
    }
    let fault = fault(schema, body);
    let faults = answer.json()["errors"].clone();
    let of_its_form = answer.status == 400
        && faults.as_array().is_some_and(|faults| {
            !faults.is_empty() && faults.iter().all(|fault| is_of_form(&fault["code"]))
        });
    match fault {
        Some(fault) if answer.status < 300 => {
            panic!("{request} although the API document does not allow it: {fault}: {body}")
        }
        None if of_its_form => {
            panic!("{request} although the API document allows it: {faults}: {body}")
        }
        _ => {}
    }
}

/// Returns whether a schema can express the fault. A schema cannot express a duplicate name, the
/// length of a text in bytes, or the words of the access matrix.
fn is_of_form(code: &Value) -> bool {
    ["missing", "unknown", "wrong_type", "forbidden_character", "wrong_count"]
        .iter()
        .any(|known| code == known)
}

/// Returns the fault that the schema finds in the value.
pub fn fault(schema: &Value, value: &Value) -> Option<String> {
    let validator = validator(schema);
    validator
        .iter_errors(value)
        .next()
        .map(|error| format!("{} at {}", error, error.instance_path()))
}

/// Returns the fault that the schema finds in the value, including members that the schema does not
/// name.
///
/// The document allows a later version to add members, so it does not forbid them.
pub fn answer_fault(schema: &Value, value: &Value) -> Option<String> {
    fault(schema, value).or_else(|| {
        let mut schema = schema.clone();
        let components = closed_components();
        close(&mut schema);
        let validator = validator_with(&schema, components, "closed");
        let error = validator.iter_errors(value).next();
        error.map(|error| format!("{} at {}", error, error.instance_path()))
    })
}

/// The components of the document, closed against unnamed members.
fn closed_components() -> &'static Value {
    static CLOSED: OnceLock<Value> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let mut components = document()["components"].clone();
        close(&mut components);
        components
    })
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            // A schema, not a member of another schema with this name.
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn validator(schema: &Value) -> Arc<Validator> {
    validator_with(schema, &document()["components"], "open")
}

fn validator_with(schema: &Value, components: &Value, kind: &'static str) -> Arc<Validator> {
    type Validators = Mutex<HashMap<(&'static str, String), Arc<Validator>>>;
    static VALIDATORS: OnceLock<Validators> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(Mutex::default);
    let mut validators = validators.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        let schema = json!({ "allOf": [schema], "components": components });
        let validator = jsonschema::draft202012::options().should_validate_formats(true);
        Arc::new(validator.build(&schema).expect("the API document has sound schemas"))
    };
    Arc::clone(validators.entry((kind, schema.to_string())).or_insert_with(build))
}

fn check_problem(method: &str, path: &str, answer: &Answer, request: &str) {
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{request}");
    assert_eq!(problem["status"], answer.status, "{request}: {}", answer.text);
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{request}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].is_string(), "{request} without {member}: {}", answer.text);
    }
    let text = answer.text.to_lowercase();
    let foreign = FOREIGN_WORDS.iter().find(|word| text.contains(**word));
    assert_eq!(foreign, None, "{request}: {}", answer.text);

    let code = problem["code"].as_str().unwrap_or_else(|| panic!("{request} without a code"));
    assert_eq!(problem["type"], format!("urn:portcullis:problem:{code}"), "{request}");
    let documented = match documented(path) {
        Value::Null => code == "not_found" || BEFORE_ROUTE.contains(&code),
        // A preflight is answered before the routing.
        _ if method == "OPTIONS" => {
            PREFLIGHT.contains(&code) || ["banned", "rate_limited"].contains(&code)
        }
        item => match &item[method.to_lowercase()] {
            Value::Null => code == "method_not_allowed" || BEFORE_ROUTE.contains(&code),
            operation => is_documented(operation, answer.status, code),
        },
    };
    assert!(documented, "{request} with {code}, which the API document does not say");
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "{request} without Retry-After");
    }
    if answer.status == 429 {
        for header in ["retry-after", "ratelimit", "ratelimit-policy"] {
            assert!(answer.header(header).is_some(), "{request} without {header}");
        }
    }
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").is_some(), "{request} without a challenge");
    }
}

/// The documented path that matches, whatever the values of its parameters.
fn documented(path: &str) -> &'static Value {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |known: &str| {
        let known: Vec<&str> = known.split('/').collect();
        known.len() == asked.len()
            && known.iter().zip(&asked).all(|(known, asked)| {
                known == asked || (known.starts_with('{') && !asked.is_empty())
            })
    };
    let paths = document()["paths"].as_object().expect("the API document has paths");
    paths.iter().find(|(known, _)| fits(known)).map_or(&Value::Null, |(_, item)| item)
}

fn is_documented(operation: &Value, status: u16, code: &str) -> bool {
    let response = &operation["responses"][status.to_string()];
    response["content"]["application/problem+json"]["examples"].get(code).is_some()
}

/// The API document.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        serde_json::from_str(&portcullis_api::document()).expect("the API document is JSON")
    })
}
