//! A response of the server, with accessors for tests.

use serde_json::Value;

/// A response of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case with their values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A text member of the body.
    pub fn field(&self, name: &str) -> String {
        let body = self.json();
        let found = body[name].as_str();
        found.unwrap_or_else(|| panic!("no text {name:?} in {}: {}", self.status, self.text)).into()
    }

    /// The `code` of a problem response.
    pub fn code(&self) -> String {
        self.field("code")
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The `Set-Cookie` header of that cookie.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}=");
        let mut cookies = self.headers.iter().filter(|(header, _)| header == "set-cookie");
        cookies.find(|(_, value)| value.starts_with(&prefix)).map(|(_, value)| value.as_str())
    }
}
