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

impl Authentication {
    /// The same authentication, with the methods of one more proof: a second factor.
    #[must_use]
    pub fn with_factor(mut self, methods: &[AuthenticationMethod]) -> Self {
        self.methods.retain(|known| !methods.contains(known));
        let place =
            self.methods.iter().position(|known| *known == AuthenticationMethod::MultipleFactors);
        let place = place.unwrap_or(self.methods.len());
        self.methods.splice(place..place, methods.iter().copied());
        self.multi_factor()
    }

    /// The same authentication, by more than one factor.
    #[must_use]
    pub fn multi_factor(mut self) -> Self {
        if !self.methods.contains(&AuthenticationMethod::MultipleFactors) {
            self.methods.push(AuthenticationMethod::MultipleFactors);
        }
        self.assurance = AssuranceLevel::Aal2;
        self
    }
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
    /// `hwk`: a passkey that cannot leave its authenticator.
    #[serde(rename = "hwk")]
    HardwareKey,
    /// `swk`: a passkey that is synchronised between devices.
    #[serde(rename = "swk")]
    SoftwareKey,
    /// `user`: the person was present at the authenticator.
    #[serde(rename = "user")]
    UserPresence,
    /// `mfa`: more than one factor, in addition to the value of each factor.
    #[serde(rename = "mfa")]
    MultipleFactors,
    /// A value that only a newer version knows. It has no effect.
    #[serde(other, rename = "other")]
    Other,
}

/// The assurance level of a sign-in (NIST SP 800-63B-4 section 2), in ascending order.
///
/// A token with a level that only a newer version knows counts as one factor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum AssuranceLevel {
    /// `aal2`: two factors.
    #[serde(rename = "aal2")]
    Aal2 = 2,
    /// `aal1`: one factor.
    #[default]
    #[serde(other, rename = "aal1")]
    Aal1 = 1,
}

impl AuthenticationMethod {
    /// All values.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::OneTimePassword,
        Self::HardwareKey,
        Self::SoftwareKey,
        Self::UserPresence,
        Self::MultipleFactors,
        Self::Other,
    ];

    /// The stable text form, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimePassword => "otp",
            Self::HardwareKey => "hwk",
            Self::SoftwareKey => "swk",
            Self::UserPresence => "user",
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
            "hwk" => Self::HardwareKey,
            "swk" => Self::SoftwareKey,
            "user" => Self::UserPresence,
            "mfa" => Self::MultipleFactors,
            _ => Self::Other,
        }
    }
}

impl AssuranceLevel {
    /// Both levels, in ascending order.
    pub const ALL: [Self; 2] = [Self::Aal1, Self::Aal2];

    /// The stable text form, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

impl FromStr for AssuranceLevel {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "aal1" => Ok(Self::Aal1),
            "aal2" => Ok(Self::Aal2),
            _ => Err(TextError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_one_word_stored_and_sent_and_survive_a_round_trip() {
        use AuthenticationMethod::{
            HardwareKey, MultipleFactors, OneTimePassword, Other, Password, SoftwareKey,
            UserPresence,
        };
        let keys = [HardwareKey, SoftwareKey, UserPresence];
        for method in [Password, OneTimePassword, MultipleFactors, Other].into_iter().chain(keys) {
            assert_eq!(AuthenticationMethod::from(method.as_str()), method);
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
        assert_eq!(AuthenticationMethod::from("retina"), Other);
    }

    #[test]
    fn a_second_factor_adds_its_methods_once_and_raises_the_level() {
        use AuthenticationMethod::{
            HardwareKey, MultipleFactors, OneTimePassword, Password, UserPresence,
        };
        let password = Authentication { methods: vec![Password], assurance: AssuranceLevel::Aal1 };
        let both = password.with_factor(&[OneTimePassword]);
        assert_eq!(both.methods, [Password, OneTimePassword, MultipleFactors]);
        assert_eq!(both.assurance, AssuranceLevel::Aal2);
        assert_eq!(both.clone().with_factor(&[OneTimePassword]), both);
        let three = both.with_factor(&[HardwareKey, UserPresence]);
        let methods = [Password, OneTimePassword, HardwareKey, UserPresence, MultipleFactors];
        assert_eq!(three.methods, methods);
        assert_eq!(three.clone().with_factor(&[HardwareKey, UserPresence]), three);
    }

    #[test]
    fn an_unknown_level_of_assurance_is_none_when_stored_and_the_lowest_when_sent() {
        for level in [AssuranceLevel::Aal1, AssuranceLevel::Aal2] {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
            assert_eq!(
                serde_json::from_value::<AssuranceLevel>(level.as_str().into()).unwrap(),
                level
            );
        }
        assert_eq!("aal9".parse::<AssuranceLevel>(), Err(TextError::Unknown));
        let newer: AssuranceLevel = serde_json::from_str(r#""aal9""#).unwrap();
        assert_eq!(newer, AssuranceLevel::Aal1);
        assert!(AssuranceLevel::Aal1 < AssuranceLevel::Aal2);
    }
}
