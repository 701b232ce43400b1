//! `Section`: the sections of the console for operators, each with the permissions that open it.

use portcullis_flows::access::permission::{self, Permission};

use crate::strings::{ENGLISH, OVERVIEW, RISK};

/// A section for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// The state of the server at a glance.
    Overview,
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
    pub(crate) const ALL: [Self; 14] = [
        Self::Overview,
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
            Self::Overview => "/console/admin",
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
            Self::Overview => OVERVIEW.title,
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

    /// The permissions of its first page. The overview has none of its own.
    pub(crate) const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Overview => &[],
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

    /// The sections that these permissions open, in the order of the navigation. Any other one opens the
    /// overview, which shows parts of it.
    pub(crate) fn open(may: impl Fn(Permission) -> bool) -> Vec<Self> {
        let is_open = |section: &Self| section.permissions().iter().all(|wanted| may(*wanted));
        let open: Vec<_> = Self::ALL.into_iter().filter(is_open).collect();
        if open == [Self::Overview] { Vec::new() } else { open }
    }
}
