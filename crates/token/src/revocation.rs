//! Revocations of tokens, sessions and subjects, and their JSON form.

use std::time::Duration;

use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

/// The time for which a revocation is kept after the last token that it covers has expired. With a
/// clock error up to this time, no revoked token is accepted again and no valid token is refused. A
/// follower may be disconnected for as long.
pub const REVOCATION_MARGIN: Duration = Duration::from_secs(2 * 60 * 60);

/// A revocation: tokens that are refused although signature and expiry are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// This one token.
    Token(TokenId),
    /// All tokens of this session.
    Session(SessionId),
    /// All tokens of this account with an `iat` before `issued_before`.
    Subject {
        /// The account whose tokens are revoked.
        account: AccountId,
        /// The first accepted `iat`, in whole seconds.
        issued_before: Timestamp,
    },
}

/// A revocation with the time until which it must be kept.
///
/// In JSON one of `{"sid":"…","exp":N}`, `{"jti":"…","exp":N}` and
/// `{"sub":"…","before":N,"exp":N}`, times in whole seconds since 1970, rounded up. Any other form
/// is an error: a reader that ignores a revocation of a newer server would accept revoked tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "CompactEntry", try_from = "CompactEntry")]
pub struct RevocationEntry {
    /// The revoked tokens.
    pub revocation: Revocation,
    /// The time at which the last covered token expires.
    pub until: Timestamp,
}

/// The compact form, with the names of the claims in the token.
#[derive(Default, Serialize, Deserialize)]
struct CompactEntry {
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

impl From<RevocationEntry> for CompactEntry {
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

impl TryFrom<CompactEntry> for RevocationEntry {
    type Error = &'static str;

    fn try_from(form: CompactEntry) -> Result<Self, Self::Error> {
        let CompactEntry { jti, sid, sub, before, exp } = form;
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

/// Rounded down, an entry would be deleted while its last token is still accepted.
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
