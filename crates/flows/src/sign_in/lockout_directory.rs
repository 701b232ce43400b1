//! The lockouts of all accounts, for administrators.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{AccountId, Ambient, Timestamp, Username};

use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::principal::Principal;
use crate::sign_in::lockout::CounterKind;

/// The port of the list of lockouts.
pub trait LockoutDirectoryStore: Send + Sync {
    /// At most `most` counters of accounts that are closed now, the longest wait first, after this one; and
    /// records the effects.
    fn list_lockouts(
        &self,
        after: Option<LockoutCursor>,
        most: u32,
        effects: &Effects,
    ) -> Result<LockoutPage, StoreError>;
}

/// A page of lockouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockoutPage {
    /// The lockouts.
    pub lockouts: Vec<ListedLockout>,
    /// The lockout after which the next page begins; `None` for the last page.
    pub next: Option<LockoutCursor>,
}

/// A closed counter of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLockout {
    /// The account.
    pub account: AccountId,
    /// Its user name.
    pub username: Username,
    /// What the counter locks.
    pub kind: CounterKind,
    /// The failures in a row.
    pub failures: u32,
    /// The last of them.
    pub last_failed_at: Timestamp,
    /// The end of the wait; [`Timestamp::NEVER`] if only a new password or an administrator ends it.
    pub closed_until: Timestamp,
}

impl ListedLockout {
    /// The place of the lockout in the list.
    pub const fn cursor(&self) -> LockoutCursor {
        LockoutCursor { until: self.closed_until, account: self.account, kind: self.kind }
    }
}

/// A place in the list of lockouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutCursor {
    /// The end of the wait.
    pub until: Timestamp,
    /// The account.
    pub account: AccountId,
    /// What the counter locks.
    pub kind: CounterKind,
}

impl fmt::Display for LockoutCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, account, kind } = self;
        write!(f, "{}.{account}.{}", until.as_micros(), kind.as_str())
    }
}

/// Not a cursor of the list of lockouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the list of lockouts")]
pub struct LockoutCursorError;

impl FromStr for LockoutCursor {
    type Err = LockoutCursorError;

    fn from_str(text: &str) -> Result<Self, LockoutCursorError> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(LockoutCursorError);
        let (until, account, kind) = (part()?, part()?, part()?);
        let until: i64 = until.parse().map_err(|_| LockoutCursorError)?;
        Ok(Self {
            until: Timestamp::from_micros(until),
            account: account.parse().map_err(|_| LockoutCursorError)?,
            kind: CounterKind::parse(kind).ok_or(LockoutCursorError)?,
        })
    }
}

/// Lists the lockouts of other accounts. Each reading is recorded.
pub struct LockoutDirectory {
    store: Arc<dyn LockoutDirectoryStore>,
    ambient: Ambient,
}

impl LockoutDirectory {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn LockoutDirectoryStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// A page of the lockouts of all accounts, the longest wait first.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(
        &self,
        principal: &Principal,
        after: Option<LockoutCursor>,
        most: u32,
    ) -> Result<LockoutPage, StoreError> {
        let (kind, outcome) = (EventKind::LockoutsListed, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient).by(principal.actor);
        self.store.list_lockouts(after, most, &event.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_printed_and_nothing_else_is() {
        let account: AccountId = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11".parse().unwrap();
        for kind in CounterKind::ALL {
            let cursor = LockoutCursor { until: Timestamp::NEVER, account, kind };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "1", "1.2", "x.019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11.factors", "1..factors"]
        {
            assert_eq!(text.parse::<LockoutCursor>(), Err(LockoutCursorError), "{text}");
        }
    }
}
