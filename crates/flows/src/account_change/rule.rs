use portcullis_access::Matrix;
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
    let actor = standing.actor.as_ref().filter(|actor| actor.is_active);
    let Some(actor) = actor.filter(|actor| actor.role == caller.role) else {
        return Err(Refusal::CallerChanged);
    };
    let reaches = |role: &Role| includes(&matrix.matrix, &actor.role, role);
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

/// Whether the role is the other one or inherits from it. A role that the matrix has not is nobody's.
fn includes(matrix: &Matrix, role: &Role, other: &Role) -> bool {
    match (matrix.role(role.as_str()), matrix.role(other.as_str())) {
        (Some(role), Some(other)) => matrix.includes(role, other),
        _ => false,
    }
}
