//! `Shown`: a value that is allowed in the audit trail, because it cannot be a secret.

use portcullis_domain::{AccountKind, DisplayName, Email, Role, Timestamp, Username};
use serde::Serialize;

/// A value that is allowed in the trail.
///
/// It is made only from the types listed here, not from a plain string, a secret or a password
/// hash, so that no secret can enter the trail by mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown {
    ($($type:ty),+) => {
        $(impl From<$type> for Shown {
            fn from(value: $type) -> Self {
                Self(value.to_string())
            }
        })+
    };
}

shown!(bool, u32, u64, Timestamp, &Role);

impl From<&Username> for Shown {
    fn from(value: &Username) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<&Email> for Shown {
    fn from(value: &Email) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<&DisplayName> for Shown {
    fn from(value: &DisplayName) -> Self {
        Self(value.as_str().to_owned())
    }
}

impl From<AccountKind> for Shown {
    fn from(value: AccountKind) -> Self {
        Self(value.as_str().to_owned())
    }
}
