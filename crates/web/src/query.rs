//! Query parameters: strict, like bodies. Every key must be known and present once, every value
//! valid.

use std::borrow::Cow;

use actix_web::HttpRequest;
use url::form_urlencoded;

use crate::body::printable;
use crate::problem::{FieldProblem, Problem};
use crate::text::{MAX_TEXT_BYTES, has_forbidden_character};

/// The query of a request.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a route with these known keys.
    pub fn read(request: &HttpRequest, known: &[&str]) -> Result<Self, Problem> {
        let mut query = Self(Vec::new());
        let mut faults = Vec::new();
        for (key, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            let fault = if !known.contains(&&*key) {
                Some(("unknown", unknown(known)))
            } else if query.value(&key).is_some() {
                Some(("duplicate", "this key may appear only once".into()))
            } else if has_forbidden_character(&value) {
                Some((
                    "forbidden_character",
                    "control and bidirectional characters and hidden tags are not allowed".into(),
                ))
            } else if value.len() > MAX_TEXT_BYTES {
                Some(("too_long", "use at most 256 bytes of UTF-8".into()))
            } else {
                query.0.push((key.to_string(), value.into_owned()));
                None
            };
            faults.extend(
                fault.map(|(code, message)| FieldProblem::new(printable(&key), code, message)),
            );
        }
        if faults.is_empty() { Ok(query) } else { Err(Problem::invalid(faults)) }
    }

    /// The query of a form, which sends its empty fields too.
    #[must_use]
    pub fn without_empty(mut self) -> Self {
        self.0.retain(|(_, value)| !value.is_empty());
        self
    }

    /// Changes the value of a key, if it has one.
    pub fn change(&mut self, key: &str, change: impl FnOnce(&str) -> String) {
        if let Some((_, value)) = self.0.iter_mut().find(|(known, _)| known == key) {
            *value = change(value);
        }
    }

    /// The query as text.
    pub fn as_text(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// Accepts only an empty query, for a route without keys.
    pub fn none(request: &HttpRequest) -> Result<(), Problem> {
        Self::read(request, &[]).map(drop)
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key, parsed by `read`; else a fault that describes the expected form.
    pub fn parsed<T>(
        &self,
        key: &str,
        understood: impl FnOnce() -> String,
        read: impl FnOnce(&str) -> Option<T>,
        faults: &mut Vec<FieldProblem>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let parsed = read(value);
        if parsed.is_none() {
            faults.push(FieldProblem::new(key.to_owned(), "malformed", understood()));
        }
        parsed
    }

    /// The same query without these keys.
    #[must_use]
    pub fn without(&self, keys: &[&str]) -> Self {
        let others = self.0.iter().filter(|(known, _)| !keys.contains(&known.as_str()));
        Self(others.cloned().collect())
    }

    /// The same query with this value for the key, instead of any other.
    pub fn with(&self, key: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(known, _)| known != key);
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair(key, value)
            .finish()
    }
}

fn unknown(known: &[&str]) -> Cow<'static, str> {
    if known.is_empty() {
        return "this route takes no query".into();
    }
    format!("this route knows {}", known.join(", ")).into()
}
