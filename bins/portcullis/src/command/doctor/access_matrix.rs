//! Checks that the matrix in force is readable and equals the configured file.

use portcullis_flows::access::matrix::Matrices;

use super::check::Check;
use crate::config::Config;

pub(super) const NAME: &str = "access matrix";

pub(super) const ROLES: &str = "roles";

/// Accounts listed by name.
const MAX_NAMED: u32 = 20;

/// Checks that the matrix in force has the role of every account. An account with an unknown role has
/// no permission, and only the most senior role can change it.
pub(super) fn roles(matrices: &Matrices) -> Check {
    let (accounts_with_unknown_role, count) = match matrices.accounts_with_unknown_role(MAX_NAMED) {
        Ok(found) => found,
        Err(error) => return Check::failed(ROLES, error.to_string(), "see above"),
    };
    if count == 0 {
        return Check::ok(ROLES, "the matrix in force has the role of every account");
    }
    let named = accounts_with_unknown_role
        .iter()
        .map(|it| format!("{} ({}, id {})", it.username.as_str(), it.role, it.id))
        .collect::<Vec<_>>()
        .join(", ");
    let more = if count > u64::from(MAX_NAMED) { ", and others" } else { "" };
    let detail = format!("accounts with a role that the matrix lacks: {count}: {named}{more}");
    let remedy = "give them another role as an account of the most senior role, by PATCH \
                  /api/admin/users/{id}, or put their roles into the matrix";
    Check::failed(ROLES, detail, remedy)
}

/// Warns about roles with `user:update` alone, which no longer includes roles and sessions.
pub(super) fn permissions(matrices: &Matrices) -> Option<Check> {
    let in_force = matrices.active().load();
    let roles = in_force.roles_of_state_alone();
    if roles.is_empty() {
        return None;
    }
    let detail = format!(
        "user:update lets {} change the state of accounts, not their roles and sessions",
        roles.join(", ")
    );
    let remedy = "grant user:approve to change roles and user:reject to end sessions, if these roles \
                  need that: user:update covered all three in earlier versions";
    Some(Check::warning(NAME, detail, remedy))
}

/// Checks the matrix in force, which `matrices` must have loaded.
pub(super) fn check(matrices: &Matrices, config: &Config) -> Check {
    let in_force = matrices.active().load();
    if in_force.version == 0 {
        let detail = format!("the first start puts {} in force", config.matrix.name());
        return Check::ok(NAME, detail);
    }
    match config.matrix.difference(&in_force) {
        Some((problem, remedy)) => Check::warning(NAME, problem, remedy),
        None => Check::ok(NAME, format!("version {} is in force", in_force.version)),
    }
}
