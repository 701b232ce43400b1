//! Permissions that the routes of the server require.
//!
//! The permissions are words of the matrix like any other. Each stands for one power, so that the
//! author of a matrix sees what a grant gives; docs/access.md describes each.

/// A pair of resource and action.
pub type Permission = (&'static str, &'static str);

/// To read another account.
pub const READ_ACCOUNT: Permission = ("user", "read");

/// To list and search accounts, in addition to [`READ_ACCOUNT`].
pub const LIST_ACCOUNTS: Permission = ("user", "list");

/// To invite people to register, and to see and revoke invitations.
pub const INVITE: Permission = ("user", "create");

/// To deactivate an account, which ends its sessions, or to activate it again.
pub const CHANGE_STATE: Permission = ("user", "update");

/// To give an account another role.
pub const CHANGE_ROLE: Permission = ("user", "approve");

/// To delete an account.
pub const DELETE_ACCOUNT: Permission = ("user", "delete");

/// To end the sessions of an account; the most senior role may end those of all accounts.
pub const END_SESSIONS: Permission = ("user", "reject");

/// To ask for decisions about other subjects.
pub const ON_BEHALF: Permission = ("user", "execute");

/// To read the whole access matrix and its history, and to test other matrices.
pub const READ_MATRIX: Permission = ("settings", "read");

/// To activate another access matrix.
pub const ACTIVATE_MATRIX: Permission = ("settings", "update");

/// To see the banned addresses.
pub const READ_BANS: Permission = ("settings", "list");

/// To ban addresses, and to lift bans.
pub const CHANGE_BANS: Permission = ("settings", "execute");

/// To read the audit log and the reasons of decisions.
pub const READ_AUDIT_LOG: Permission = ("audit_log", "read");

/// To export the audit log as a file.
pub const EXPORT_AUDIT_LOG: Permission = ("audit_log", "export");

/// To list the mails of the outbox, without their content.
pub const READ_OUTBOX: Permission = ("audit_log", "list");

/// To send a mail of the outbox again, in addition to [`READ_OUTBOX`].
pub const RESEND_MAILS: Permission = ("audit_log", "execute");

/// To see the state of the server without secrets: signing keys, jobs, settings in force.
pub const READ_SERVER: Permission = ("settings", "export");

/// To make signing keys, and to retire them.
pub const CHANGE_SIGNING_KEYS: Permission = ("settings", "approve");

/// To introspect and revoke tokens. The kind `service` gives it, not the matrix.
pub const INTROSPECT_TOKENS: Permission = ("token", "introspect");

/// To read the feed of revocations. The kind `service` gives it, not the matrix.
pub const READ_REVOCATIONS: Permission = ("revocation", "read");

/// What every service may do beside what its role gives.
pub const OF_SERVICES: [Permission; 2] = [INTROSPECT_TOKENS, READ_REVOCATIONS];

/// All permissions that the matrix gives.
pub const ALL: [Permission; 18] = [
    READ_ACCOUNT,
    LIST_ACCOUNTS,
    INVITE,
    CHANGE_STATE,
    CHANGE_ROLE,
    DELETE_ACCOUNT,
    END_SESSIONS,
    ON_BEHALF,
    READ_MATRIX,
    ACTIVATE_MATRIX,
    READ_BANS,
    CHANGE_BANS,
    READ_AUDIT_LOG,
    EXPORT_AUDIT_LOG,
    READ_OUTBOX,
    RESEND_MAILS,
    READ_SERVER,
    CHANGE_SIGNING_KEYS,
];
