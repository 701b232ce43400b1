//! Authentication methods (`amr`, RFC 8176) and assurance levels (`acr`). Add a method here.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TextError;

/// The authentication of a session: methods and assurance level. It is stored with the session, so
/// that every token of the session carries the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The methods in the order of the proofs; the JWT claim `amr`.
    pub methods: Vec<AuthenticationMethod>,
    /// The assurance level of these methods; `acr` in OpenID Connect.
    pub assurance: AssuranceLevel,
}

/// An authentication method, with its value of RFC 8176 section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// `pwd`
    #[serde(rename = "pwd")]
    Password,
    /// `otp`: TOTP or a backup code.
    #[serde(rename = "otp")]
    OneTimePassword,
    /// `mfa`: more than one factor, in addition to the value of each factor.
    #[serde(rename = "mfa")]
    MultipleFactors,
    /// A value that only a newer version knows. It has no effect.
    #[serde(other, rename = "other")]
    Other,
}

/// The assurance level of a sign-in (NIST SP 800-63B-4 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssuranceLevel {
    /// `aal1`: one factor.
    Aal1,
}

impl AuthenticationMethod {
    /// The stable text form, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimePassword => "otp",
            Self::MultipleFactors => "mfa",
            Self::Other => "other",
        }
    }
}

impl From<&str> for AuthenticationMethod {
    fn from(word: &str) -> Self {
        match word {
            "pwd" => Self::Password,
            "otp" => Self::OneTimePassword,
            "mfa" => Self::MultipleFactors,
            _ => Self::Other,
        }
    }
}

impl AssuranceLevel {
    /// The stable text form, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
        }
    }
}

impl FromStr for AssuranceLevel {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "aal1" => Ok(Self::Aal1),
            _ => Err(TextError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_one_word_stored_and_sent_and_survive_a_round_trip() {
        use AuthenticationMethod::{MultipleFactors, OneTimePassword, Other, Password};
        for method in [Password, OneTimePassword, MultipleFactors, Other] {
            assert_eq!(AuthenticationMethod::from(method.as_str()), method);
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
        assert_eq!(AuthenticationMethod::from("retina"), Other);
    }

    #[test]
    fn an_unknown_level_of_assurance_is_none() {
        assert_eq!(AssuranceLevel::Aal1.as_str().parse(), Ok(AssuranceLevel::Aal1));
        assert_eq!("aal9".parse::<AssuranceLevel>(), Err(TextError::Unknown));
    }
}
