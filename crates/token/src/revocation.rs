use std::time::Duration;

use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

/// How long a revocation is kept after the last token that it covers has expired. Clocks may be wrong
/// by so much, and nothing that was revoked is accepted again, nor anything refused that is good. A
/// follower may be away for as long.
pub const REVOCATION_MARGIN: Duration = Duration::from_secs(2 * 60 * 60);

/// What must be refused although its signature holds and its time has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// This one token.
    Token(TokenId),
    /// All tokens of this session.
    Session(SessionId),
    /// All tokens of this account with an `iat` before that time.
    Subject {
        /// Whose tokens.
        account: AccountId,
        /// The first time that is accepted; whole seconds, as `iat` has them.
        issued_before: Timestamp,
    },
}

/// A revocation, and how long it must be remembered.
///
/// In JSON one of `{"sid":"…","exp":N}`, `{"jti":"…","exp":N}` and `{"sub":"…","before":N,"exp":N}`,
/// times in whole seconds since 1970, rounded up. Another form is an error: who passes over a
/// revocation that a newer server writes accepts what it forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct RevocationEntry {
    /// What is revoked.
    pub revocation: Revocation,
    /// When the last token that it covers expires.
    pub until: Timestamp,
}

/// The compact form: the names that the claims have in the token.
#[derive(Default, Serialize, Deserialize)]
struct Form {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<TokenId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
    exp: i64,
}

impl From<RevocationEntry> for Form {
    fn from(entry: RevocationEntry) -> Self {
        let form = Self { exp: seconds_rounded_up(entry.until), ..Self::default() };
        match entry.revocation {
            Revocation::Token(token) => Self { jti: Some(token), ..form },
            Revocation::Session(session) => Self { sid: Some(session), ..form },
            Revocation::Subject { account, issued_before } => {
                Self { sub: Some(account), before: Some(seconds_rounded_up(issued_before)), ..form }
            }
        }
    }
}

impl TryFrom<Form> for RevocationEntry {
    type Error = &'static str;

    fn try_from(form: Form) -> Result<Self, Self::Error> {
        let Form { jti, sid, sub, before, exp } = form;
        let revocation = match (jti, sid, sub, before) {
            (Some(token), None, None, None) => Revocation::Token(token),
            (None, Some(session), None, None) => Revocation::Session(session),
            (None, None, Some(account), Some(before)) => {
                Revocation::Subject { account, issued_before: Timestamp::from_seconds(before) }
            }
            _ => return Err("a revocation names one of `jti`, `sid`, and `sub` with `before`"),
        };
        Ok(Self { revocation, until: Timestamp::from_seconds(exp) })
    }
}

/// Rounded down, an entry would be forgotten while its last token is accepted.
fn seconds_rounded_up(time: Timestamp) -> i64 {
    let whole = time.as_seconds();
    if Timestamp::from_seconds(whole) < time { whole.saturating_add(1) } else { whole }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn json(revocation: Revocation, until: Timestamp) -> String {
        serde_json::to_string(&RevocationEntry { revocation, until }).unwrap()
    }

    #[test]
    fn an_entry_has_the_names_of_the_claims() {
        let until = Timestamp::from_seconds(1_800_001_800);
        let (token, session, account) =
            (ID.parse().unwrap(), ID.parse().unwrap(), ID.parse().unwrap());
        let issued_before = Timestamp::from_seconds(1_800_000_000);
        for (revocation, expected) in [
            (Revocation::Token(token), format!(r#"{{"jti":"{ID}","exp":1800001800}}"#)),
            (Revocation::Session(session), format!(r#"{{"sid":"{ID}","exp":1800001800}}"#)),
            (
                Revocation::Subject { account, issued_before },
                format!(r#"{{"sub":"{ID}","before":1800000000,"exp":1800001800}}"#),
            ),
        ] {
            assert_eq!(json(revocation, until), expected);
            let read: RevocationEntry = serde_json::from_str(&expected).unwrap();
            assert_eq!(read, RevocationEntry { revocation, until });
        }
    }

    #[test]
    fn fractions_of_a_second_never_shorten_an_entry() {
        let session = Revocation::Session(ID.parse().unwrap());
        let until = |micros| json(session, Timestamp::from_micros(micros));
        assert!(until(7_000_000).ends_with(r#""exp":7}"#));
        assert!(until(7_000_001).ends_with(r#""exp":8}"#));
        assert!(until(-1).ends_with(r#""exp":0}"#));
    }

    #[test]
    fn an_entry_of_another_form_is_an_error_and_not_passed_over() {
        for text in [
            r#"{"exp":1}"#.to_owned(),
            r#"{"tenant":"t","exp":1}"#.to_owned(),
            format!(r#"{{"sid":"{ID}"}}"#),
            format!(r#"{{"sid":"{ID}","exp":"1"}}"#),
            format!(r#"{{"sid":"{ID}","jti":"{ID}","exp":1}}"#),
            format!(r#"{{"sub":"{ID}","exp":1}}"#),
            format!(r#"{{"sid":"{ID}","before":1,"exp":1}}"#),
            r#"{"before":1,"exp":1}"#.to_owned(),
            r#"{"sid":"x","exp":1}"#.to_owned(),
        ] {
            assert!(serde_json::from_str::<RevocationEntry>(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_seconds_survive(seconds in any::<i32>(), before in any::<i32>()) {
            let entry = RevocationEntry {
                revocation: Revocation::Subject {
                    account: ID.parse().unwrap(),
                    issued_before: Timestamp::from_seconds(before.into()),
                },
                until: Timestamp::from_seconds(seconds.into()),
            };
            let text = serde_json::to_string(&entry).unwrap();
            prop_assert_eq!(serde_json::from_str::<RevocationEntry>(&text).unwrap(), entry);
        }
    }
}
