//! The sessions of other accounts, for administrators.

use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{AccountId, Ambient, Role, SessionId, Timestamp, Username};

use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::identity::account_change::{AccountChanges, ChangeError};
use crate::principal::Principal;
use crate::sign_in::session::{ActiveSession, Sessions};

/// The port of the directory of sessions.
pub trait SessionDirectoryStore: Send + Sync {
    /// At most `most` sessions that have neither been ended nor reached their absolute end, of all accounts,
    /// the newest first, after this one; and records the effects.
    fn list_sessions(
        &self,
        after: Option<SessionId>,
        most: u32,
        now: Timestamp,
        effects: &Effects,
    ) -> Result<StoredSessionPage, StoreError>;
}

/// A page of sessions as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSessionPage {
    /// The sessions, with the role of each account.
    pub sessions: Vec<(ListedSession, Role)>,
    /// The session after which the next page begins; `None` for the last page.
    pub next: Option<SessionId>,
}

/// A session with its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// The account.
    pub account: AccountId,
    /// Its user name.
    pub username: Username,
    /// The session.
    pub session: ActiveSession,
}

/// A page of live sessions. A page that is not the last one may have fewer than the maximum, or none: a
/// session that was not used for too long is left out after it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<ListedSession>,
    /// The session after which the next page begins; `None` for the last page.
    pub next: Option<SessionId>,
}

/// Lists the sessions of other accounts. Each reading is recorded.
pub struct SessionDirectory {
    store: Arc<dyn SessionDirectoryStore>,
    sessions: Sessions,
    changes: AccountChanges,
    ambient: Ambient,
}

impl SessionDirectory {
    /// Creates the use case from its dependencies.
    pub const fn new(
        store: Arc<dyn SessionDirectoryStore>,
        sessions: Sessions,
        changes: AccountChanges,
        ambient: Ambient,
    ) -> Self {
        Self { store, sessions, changes, ambient }
    }

    /// The live sessions of the account, the newest first.
    ///
    /// # Errors
    ///
    /// If there is no such account, or the database fails.
    pub fn of_account(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<Vec<ActiveSession>, ChangeError> {
        self.changes.read(principal, account)?.ok_or(ChangeError::Unknown)?;
        Ok(self.sessions.list(account)?)
    }

    /// A page of the live sessions of all accounts, the newest first.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(
        &self,
        principal: &Principal,
        after: Option<SessionId>,
        most: u32,
    ) -> Result<SessionPage, StoreError> {
        let (kind, outcome) = (EventKind::SessionsListed, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient).by(principal.actor);
        let now = event.at;
        let page = self.store.list_sessions(after, most, now, &event.into())?;
        let live = |(listed, role): (ListedSession, Role)| {
            let session = self.sessions.live(listed.session, &role, now)?;
            Some(ListedSession { session, ..listed })
        };
        Ok(SessionPage {
            sessions: page.sessions.into_iter().filter_map(live).collect(),
            next: page.next,
        })
    }
}
