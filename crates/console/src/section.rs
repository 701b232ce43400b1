//! `Section`: the sections of the console for operators, each with the permissions that open it.

use portcullis_flows::access::permission::{self, Permission};

use crate::strings::{ENGLISH, RISK};

/// A section for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Successful and failed sign-ins.
    SignIns,
    /// The risk of sign-ins.
    Risk,
    /// Accounts.
    Accounts,
    /// Sessions of all accounts.
    Sessions,
    /// Locked accounts.
    Lockouts,
    /// Invitations.
    Invitations,
    /// Banned addresses.
    Bans,
    /// The access matrix.
    Matrix,
    /// The audit log.
    Audit,
    /// Mails.
    Outbox,
    /// The keys that sign access tokens.
    SigningKeys,
    /// Background jobs.
    Jobs,
    /// The settings in force.
    Settings,
}

impl Section {
    /// In the order of the navigation.
    pub(crate) const ALL: [Self; 13] = [
        Self::SignIns,
        Self::Risk,
        Self::Accounts,
        Self::Sessions,
        Self::Lockouts,
        Self::Invitations,
        Self::Bans,
        Self::Matrix,
        Self::Audit,
        Self::Outbox,
        Self::SigningKeys,
        Self::Jobs,
        Self::Settings,
    ];

    /// The path of its first page.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::SignIns => "/console/admin/sign-ins",
            Self::Risk => "/console/admin/risk",
            Self::Lockouts => "/console/admin/lockouts",
            Self::Accounts => "/console/admin/users",
            Self::Sessions => "/console/admin/sessions",
            Self::Invitations => "/console/admin/invitations",
            Self::Bans => "/console/admin/bans",
            Self::Matrix => "/console/admin/matrix",
            Self::Audit => "/console/admin/audit",
            Self::Outbox => "/console/admin/outbox",
            Self::SigningKeys => "/console/admin/signing-keys",
            Self::Jobs => "/console/admin/jobs",
            Self::Settings => "/console/admin/settings",
        }
    }

    /// Its name.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::SignIns => ENGLISH.sign_ins_title,
            Self::Risk => RISK.title,
            Self::Lockouts => ENGLISH.lockouts_title,
            Self::Accounts => ENGLISH.accounts_title,
            Self::Sessions => ENGLISH.all_sessions_title,
            Self::Invitations => ENGLISH.invitations_title,
            Self::Bans => ENGLISH.bans_title,
            Self::Matrix => ENGLISH.matrix_title,
            Self::Audit => ENGLISH.audit_title,
            Self::Outbox => ENGLISH.outbox_title,
            Self::SigningKeys => ENGLISH.keys_title,
            Self::Jobs => ENGLISH.jobs_title,
            Self::Settings => ENGLISH.settings_title,
        }
    }

    /// The permissions of its first page.
    pub(crate) const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Accounts | Self::Sessions | Self::Lockouts => {
                &[permission::LIST_ACCOUNTS, permission::READ_ACCOUNT]
            }
            Self::Invitations => &[permission::INVITE],
            Self::Bans => &[permission::READ_BANS],
            Self::Matrix => &[permission::READ_MATRIX],
            Self::Audit | Self::SignIns | Self::Risk => &[permission::READ_AUDIT_LOG],
            Self::Outbox => &[permission::READ_OUTBOX],
            Self::SigningKeys | Self::Jobs | Self::Settings => &[permission::READ_SERVER],
        }
    }

    /// True if all its permissions are granted.
    pub(crate) fn is_open(self, may: impl Fn(Permission) -> bool) -> bool {
        self.permissions().iter().all(|permission| may(*permission))
    }
}
