//! The body of the bare handler: it has the fields and the size of the answer of the server.

use serde::Serialize;

use crate::options::Route;
use crate::outcome::Result;

/// The value serialized for each answer.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Body {
    Account(Account),
    Decision(Decision),
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the wire")]
pub(super) struct Account {
    id: &'static str,
    username: &'static str,
    email: &'static str,
    display_name: String,
    kind: &'static str,
    role: &'static str,
    is_active: bool,
    email_verified: bool,
    password_must_change: bool,
    mfa_enabled: bool,
    created_at: &'static str,
    last_sign_in_at: &'static str,
}

/// The body of a permission check, for a batch as one value: many small values cost more.
#[derive(Serialize)]
pub(super) struct Decision {
    allowed: bool,
    decision_id: String,
}

impl Body {
    /// A body whose JSON has the given size: one of its texts is padded.
    pub(super) fn of_size(route: Route, bytes: usize) -> Result<Self> {
        let least = serde_json::to_string(&Self::filled(route, String::new()))?.len();
        let missing = bytes
            .checked_sub(least)
            .ok_or_else(|| format!("this answer takes {least} bytes, not {bytes}"))?;
        Ok(Self::filled(route, "x".repeat(missing)))
    }

    fn filled(route: Route, filling: String) -> Self {
        match route {
            Route::Me | Route::VerifiedMe => Self::Account(Account {
                id: "01997f3e-0000-7000-8000-000000000000",
                username: "somebody",
                email: "somebody@example.com",
                display_name: filling,
                kind: "user",
                role: "msa",
                is_active: true,
                email_verified: false,
                password_must_change: false,
                mfa_enabled: false,
                created_at: "2026-01-01T00:00:00.000000Z",
                last_sign_in_at: "2026-01-01T00:00:00.000000Z",
            }),
            Route::Check | Route::Batch => {
                Self::Decision(Decision { allowed: true, decision_id: filling })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_that_was_asked_for() {
        for (route, bytes) in [(Route::Me, 512), (Route::Check, 55), (Route::Batch, 70_000)] {
            let body = Body::of_size(route, bytes).unwrap();
            assert_eq!(serde_json::to_vec(&body).unwrap().len(), bytes);
        }
        assert!(Body::of_size(Route::Me, 40).is_err());
    }
}
