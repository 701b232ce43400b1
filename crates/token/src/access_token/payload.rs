//! The payload of an access token in JSON.

use portcullis_domain::{AccountKind, AuthenticationMethod, SessionId};

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
