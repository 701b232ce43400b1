use portcullis_audit::Outcome;
use portcullis_domain::{Account, Role, Timestamp};

use crate::access::matrix::MatrixInForce;
use crate::principal::Principal;

/// How things are at the moment of the change.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The account.
    pub account: Account,
    /// Its access tokens issued before this are void already.
    pub tokens_valid_from: Option<Timestamp>,
    /// When the newest token of a live session was issued. Later than now where a clock has gone
    /// back.
    pub last_issued: Option<Timestamp>,
    /// The account that acts; `None` when it is gone, or their token or session revoked.
    pub actor: Option<Account>,
    /// How many other active accounts have the role of administrators.
    pub other_administrators: u64,
    /// The time of the change.
    pub now: Timestamp,
}

/// Why the rules stand against a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller's account is not any more what their access token says.
    #[error("the caller's account has changed")]
    CallerChanged,
    /// Nobody could administer the server any more.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// Role and state of one's own account are for others to decide.
    #[error("this is the caller's own account")]
    OwnAccount,
    /// The account is, or would become, senior to the caller.
    #[error("the role is above that of the caller")]
    AboveOwnRole,
    /// So many changes of role within a second that new access tokens would be dated too far ahead.
    #[error("the role has been changed a moment ago")]
    RoleJustChanged,
}

impl Refusal {
    /// How an attempt is recorded.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::CallerChanged | Self::RoleJustChanged => Outcome::Superseded,
            Self::LastAdministrator | Self::OwnAccount | Self::AboveOwnRole => {
                Outcome::AgainstRules
            }
        }
    }
}

/// Whether the caller may turn the account into `after`; into itself, whether they may end its
/// sessions.
pub(super) fn check_rules(
    account_state: &AccountState,
    principal: &Principal,
    matrix: &MatrixInForce,
    after: &Account,
) -> Result<(), Refusal> {
    let before = &account_state.account;
    let actor = acting_account(account_state, principal)?;
    let reaches = |role: &Role| reaches(matrix, &actor.role, role);
    if !reaches(&before.role) || !reaches(&after.role) {
        return Err(Refusal::AboveOwnRole);
    }
    let administers = |account: &Account| account.is_active && account.role == matrix.admin;
    if administers(before) && !administers(after) && account_state.other_administrators == 0 {
        return Err(Refusal::LastAdministrator);
    }
    if before.id == actor.id && before != after {
        return Err(Refusal::OwnAccount);
    }
    Ok(())
}

/// The account that acts, if it still is what their access token says.
pub(super) fn acting_account<'s>(
    account_state: &'s AccountState,
    principal: &Principal,
) -> Result<&'s Account, Refusal> {
    let actor = account_state.actor.as_ref().filter(|actor| actor.is_active);
    actor.filter(|actor| principal.role.as_ref() == Some(&actor.role)).ok_or(Refusal::CallerChanged)
}

/// Whether the role is the other one or inherits from it. One that the matrix lacks is below the most
/// senior role alone, so that somebody can put its accounts right.
fn reaches(in_force: &MatrixInForce, role: &Role, other: &Role) -> bool {
    let matrix = &in_force.matrix;
    match (matrix.role(role.as_str()), matrix.role(other.as_str())) {
        (Some(role), Some(other)) => matrix.includes(role, other),
        (Some(_), None) => *role == in_force.admin,
        (None, _) => false,
    }
}
