use portcullis_domain::{Account, Role};

use super::{Refusal, Standing};
use crate::decision::Caller;
use crate::matrix::MatrixInForce;

/// Whether the caller may turn the account into `after`; into itself, whether they may end its
/// sessions.
pub(super) fn judge(
    standing: &Standing,
    caller: &Caller,
    matrix: &MatrixInForce,
    after: &Account,
) -> Result<(), Refusal> {
    let before = &standing.account;
    let actor = decides(standing, caller)?;
    let reaches = |role: &Role| reaches(matrix, &actor.role, role);
    if !reaches(&before.role) || !reaches(&after.role) {
        return Err(Refusal::AboveOwnRole);
    }
    let administers = |account: &Account| account.is_active && account.role == matrix.admin;
    if administers(before) && !administers(after) && standing.other_administrators == 0 {
        return Err(Refusal::LastAdministrator);
    }
    if before.id == actor.id && before != after {
        return Err(Refusal::OwnAccount);
    }
    Ok(())
}

/// The account of whoever decides, if it still is what their access token says.
pub(super) fn decides<'s>(standing: &'s Standing, caller: &Caller) -> Result<&'s Account, Refusal> {
    let actor = standing.actor.as_ref().filter(|actor| actor.is_active);
    actor.filter(|actor| actor.role == caller.role).ok_or(Refusal::CallerChanged)
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
