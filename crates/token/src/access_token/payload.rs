//! The payload of an access token in JSON.

use portcullis_domain::{AccountKind, AssuranceLevel, AuthenticationMethod, SessionId};

use crate::payload::{Text, payload, present};

payload! {
    /// The claims in the order in which they are written.
    AccessPayload {
        sid: SessionId,
        #[serde(borrow)]
        role: Text<'a>,
        kind: AccountKind,
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        acr: Option<AssuranceLevel>,
        amr: Vec<AuthenticationMethod>,
        auth_time: i64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        password_must_change: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        factor_required: bool,
        #[serde(
            borrow,
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        networks: Option<Text<'a>>,
    }
}
