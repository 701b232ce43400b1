//! What holds for every answer of the server, whoever asked and whatever was wrong: each answer that
//! a [`Browser`](crate::Browser) receives is held to it.

use std::sync::OnceLock;

use serde_json::Value;

use crate::Answer;

/// Words of libraries and of stack traces, none of which a client may see.
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

const PREFLIGHT: &[&str] = &["foreign_origin", "malformed_request", "method_not_allowed"];

/// Panics when the answer breaks what the API document and the specification promise of it.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or(path);
    let request = format!("{method} {path} answered {}", answer.status);
    assert!(answer.header("x-request-id").is_some(), "{request} without X-Request-Id");
    assert_eq!(answer.header("server"), None, "{request} and said what the server is");
    let may_be_kept = path == "/.well-known/jwks.json" && matches!(answer.status, 200 | 304);
    let caching = if may_be_kept { "public, max-age=300" } else { "no-store" };
    assert_eq!(answer.header("cache-control"), Some(caching), "{request}");
    if answer.status >= 400 && method != "HEAD" {
        check_problem(method, path, answer, &request);
    }
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
        Value::Null => code == "not_found",
        // A preflight is answered before there is a route.
        _ if method == "OPTIONS" => PREFLIGHT.contains(&code),
        item => match &item[method.to_lowercase()] {
            Value::Null => code == "method_not_allowed",
            operation => is_documented(operation, answer.status, code),
        },
    };
    assert!(documented, "{request} with {code}, which the API document does not say");
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "{request} without Retry-After");
    }
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").is_some(), "{request} without a challenge");
    }
}

/// What the document says of a path, whatever stands in the place of its parameters.
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

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        serde_json::from_str(&portcullis_http::document()).expect("the API document is JSON")
    })
}
