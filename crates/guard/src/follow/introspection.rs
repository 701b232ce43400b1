//! The answer of the server about an API key (RFC 7662 section 2.2).

use std::sync::Arc;

use portcullis_access::Scope;
use portcullis_domain::{Role, Timestamp};
use serde::Deserialize;

use super::Fault;
use crate::claims::{Claims, Credential};

/// An active key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActiveKey {
    pub(crate) claims: Claims,
    pub(crate) expires_at: Timestamp,
    pub(crate) password_must_change: bool,
}

/// The maximum size of the answer in bytes: a scope has at most 100 pairs.
pub(super) const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct State {
    active: bool,
}

/// An active key. Unknown fields are those of a newer server.
#[derive(Deserialize)]
struct Description {
    token_type: String,
    iss: String,
    sub: String,
    key_id: String,
    scope: String,
    exp: i64,
    role: String,
    kind: String,
    password_must_change: bool,
}

/// Reads the answer of the server with this issuer; `None` if the key is not active.
pub(super) fn parse(body: &[u8], issuer: &str) -> Result<Option<ActiveKey>, Fault> {
    let State { active } = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    if !active {
        return Ok(None);
    }
    let described: Description = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    if described.token_type != "api_key" || described.iss != issuer {
        return Err(MALFORMED);
    }
    describe(&described).map(Some).ok_or(MALFORMED)
}

const MALFORMED: Fault = Fault::Malformed("a description of an API key");

fn describe(described: &Description) -> Option<ActiveKey> {
    let scope: Scope = described.scope.parse().ok()?;
    let key = described.key_id.parse().ok()?;
    Some(ActiveKey {
        claims: Claims {
            account: described.sub.parse().ok()?,
            role: Role::parse(&described.role).ok()?,
            kind: described.kind.parse().ok()?,
            credential: Credential::ApiKey { key, scope: Arc::new(scope) },
        },
        expires_at: Timestamp::from_seconds(described.exp),
        password_must_change: described.password_must_change,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_domain::AccountKind;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://auth.example.org";
    const ID: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11";

    fn active() -> Value {
        json!({ "active": true, "token_type": "api_key", "iss": ISSUER, "sub": ID, "key_id": ID,
            "scope": "absence:* schedule:read", "iat": 1, "exp": 1_800_000_000, "role": "msa",
            "kind": "service", "password_must_change": false, "newer": [] })
    }

    #[test]
    fn an_active_key_is_read_with_owner_scope_and_end() {
        let read = parse(active().to_string().as_bytes(), ISSUER).unwrap().unwrap();
        let (key, scope) = read.claims.api_key().unwrap();
        assert_eq!((key.to_string(), read.claims.account.to_string()), (ID.into(), ID.into()));
        assert_eq!(scope.to_string(), "absence:* schedule:read");
        assert_eq!((read.claims.role.as_str(), read.claims.kind), ("msa", AccountKind::Service));
        assert_eq!(read.expires_at, Timestamp::from_seconds(1_800_000_000));
        assert_eq!((read.claims.session(), read.password_must_change), (None, false));
    }

    #[test]
    fn an_inactive_key_needs_no_other_field_and_an_active_one_needs_them_all() {
        assert_eq!(parse(br#"{"active":false}"#, ISSUER).unwrap(), None);
        for field in [
            "active",
            "token_type",
            "iss",
            "sub",
            "key_id",
            "scope",
            "exp",
            "role",
            "kind",
            "password_must_change",
        ] {
            let mut without = active();
            without.as_object_mut().unwrap().remove(field);
            assert!(parse(without.to_string().as_bytes(), ISSUER).is_err(), "{field}");
        }
        for (field, value) in [
            ("token_type", "Bearer"),
            ("iss", "https://other.example.org"),
            ("sub", "ada"),
            ("key_id", ""),
            ("scope", ""),
            ("role", ""),
            ("kind", "robot"),
        ] {
            let mut changed = active();
            changed[field] = json!(value);
            assert!(parse(changed.to_string().as_bytes(), ISSUER).is_err(), "{field}");
        }
        assert!(parse(b"", ISSUER).is_err() && parse(b"[]", ISSUER).is_err());
    }
}
