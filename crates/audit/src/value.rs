//! `AuditValue`: a value that is allowed in the audit log, because it cannot be a secret.

use portcullis_domain::{AccountKind, DisplayName, Email, NetworkList, Role, Timestamp, Username};
use serde::Serialize;

/// A value that is allowed in the audit log.
///
/// It is made only from the types listed here, not from a plain string, a secret or a password
/// hash, so that no secret can enter the audit log by mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuditValue(String);

impl AuditValue {
    /// Keeps the pairs of words of an access matrix, such as `schedule:read`; other texts are left out.
    pub fn of_pairs(text: &str) -> Self {
        let is_letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_word = |word: &str| word == "*" || word.bytes().all(is_letter);
        let is_pair = |pair: &&str| {
            pair.split_once(':').is_some_and(|(one, other)| is_word(one) && is_word(other))
        };
        let pairs: Vec<&str> = text.split(' ').filter(is_pair).collect();
        Self(pairs.join(" "))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! audit_value {
    ($($type:ty),+) => {
        $(impl From<$type> for AuditValue {
            fn from(value: $type) -> Self {
                Self(value.to_string())
            }
        })+
    };
}

audit_value!(bool, u32, u64, Timestamp, &Role, &NetworkList);

impl From<&Username> for AuditValue {
    fn from(value: &Username) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<&Email> for AuditValue {
    fn from(value: &Email) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<&DisplayName> for AuditValue {
    fn from(value: &DisplayName) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<AccountKind> for AuditValue {
    fn from(value: AccountKind) -> Self {
        Self(value.as_str().to_owned())
    }
}
