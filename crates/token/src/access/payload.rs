//! The payload of an access token, as JSON has it.

use portcullis_domain::{AccountKind, SessionId};
use serde::{Deserialize, Serialize};

use crate::payload::{Text, payload};

payload! {
    /// The claims in the order in which they are written.
    AccessPayload {
        sid: SessionId,
        #[serde(borrow)]
        role: Text<'a>,
        kind: AccountKind,
        amr: Vec<AuthenticationMethod>,
        auth_time: i64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        password_must_change: bool,
    }
}

/// A way to prove who one is, by its word of RFC 8176 section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// `pwd`
    #[serde(rename = "pwd")]
    Password,
    /// `otp`: TOTP or a backup code.
    #[serde(rename = "otp")]
    OneTimePassword,
    /// `mfa`: more than one factor, beside the words for each.
    #[serde(rename = "mfa")]
    MultipleFactors,
    /// A word that a newer issuer knows and this version does not; nothing follows from it.
    #[serde(other, rename = "other")]
    Other,
}
