//! Moves of accounts: they get another role in the transaction that activates a version without theirs.

use portcullis_access::Matrix;
use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Account, Ambient, Role, Timestamp};

use crate::principal::Principal;

/// The maximum number of accounts that one activation moves.
pub const MAX_MOVED: usize = 100_000;

/// A role that the version lacks, and the one that its accounts and invitations get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMove {
    /// The role of before.
    pub from: Role,
    /// The role of the version.
    pub to: Role,
}

/// The reason why accounts cannot be moved so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMove {
    /// Only accounts whose role vanishes are moved.
    #[error("the matrix has the role {0}: its accounts keep it")]
    Kept(Role),
    /// The new role does not exist.
    #[error("the matrix has no role {0}")]
    Unknown(Role),
    /// A role has two new ones.
    #[error("the role {0} is moved twice")]
    Twice(Role),
    /// Nobody could administer the server afterwards.
    #[error("no active account would have the most senior role {0}")]
    NoAdministrator(Role),
    /// One transaction would take too long.
    #[error("more than {MAX_MOVED} accounts have these roles")]
    TooMany,
}

/// An account with its new role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAccount {
    /// The account before.
    pub before: Account,
    /// The account after.
    pub after: Account,
    /// The number of its sessions that ended, because their tokens are dated ahead.
    pub sessions_ended: usize,
}

impl MovedAccount {
    /// The event of the new role.
    pub(super) fn event(
        &self,
        principal: &Principal,
        at: Timestamp,
        ambient: &Ambient,
    ) -> SecurityEvent {
        let kind = EventKind::RoleChanged;
        SecurityEvent::new(kind, Outcome::Success, &principal.origin, at, &*ambient.random)
            .about(self.after.id)
            .by(principal.actor)
            .with(Details::of_account(Some(&self.before), &self.after))
            .ending(self.sessions_ended)
    }
}

/// Checks moves to this matrix.
pub(super) fn check(moves: &[RoleMove], next: &Matrix) -> Result<(), InvalidMove> {
    for (place, RoleMove { from, to }) in moves.iter().enumerate() {
        if next.role(from.as_str()).is_some() {
            return Err(InvalidMove::Kept(from.clone()));
        }
        if next.role(to.as_str()).is_none() {
            return Err(InvalidMove::Unknown(to.clone()));
        }
        if moves.iter().take(place).any(|earlier| earlier.from == *from) {
            return Err(InvalidMove::Twice(from.clone()));
        }
    }
    Ok(())
}
