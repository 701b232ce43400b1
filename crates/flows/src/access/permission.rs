//! What the server itself asks the access matrix: the permissions of its own routes.
//!
//! They are words of the matrix like any other. Each stands for one power, so that whoever grants it
//! sees what they grant; docs/access.md says what each amounts to.

/// A pair of resource and action.
pub type Permission = (&'static str, &'static str);

/// To see an account of somebody else.
pub const READ_ACCOUNT: Permission = ("user", "read");

/// To deactivate an account, which ends its sessions, and to make it active again.
pub const CHANGE_STATE: Permission = ("user", "update");

/// To give an account another role.
pub const CHANGE_ROLE: Permission = ("user", "approve");

/// To end the sessions of an account; with the most senior role those of everybody.
pub const END_SESSIONS: Permission = ("user", "reject");

/// To ask what somebody else may do.
pub const ON_BEHALF: Permission = ("user", "execute");

/// To read the whole access matrix and its history, and to try others.
pub const READ_MATRIX: Permission = ("settings", "read");

/// To put another access matrix in force.
pub const ACTIVATE_MATRIX: Permission = ("settings", "update");

/// To read the audit trail and the reasons of decisions.
pub const READ_TRAIL: Permission = ("audit_log", "read");

/// To take the audit trail away as a file.
pub const EXPORT_TRAIL: Permission = ("audit_log", "export");

/// All of them.
pub const ALL: [Permission; 9] = [
    READ_ACCOUNT,
    CHANGE_STATE,
    CHANGE_ROLE,
    END_SESSIONS,
    ON_BEHALF,
    READ_MATRIX,
    ACTIVATE_MATRIX,
    READ_TRAIL,
    EXPORT_TRAIL,
];
