//! `invite list`: lists the invitations that wait.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::{AccountId, AccountKind, InvitationId, Timestamp};
use portcullis_flows::identity::invitation::Invitation;
use serde::Serialize;

use super::administration;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::table::Table;

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let (use_cases, _) = administration::invitations(config, &operator("invite list"))?;
    let (mut invitations, mut before) = (Vec::new(), None);
    loop {
        let page = use_cases.list(before, PAGE)?;
        invitations.extend(page.invitations.into_iter().map(ListedInvitation::from));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    output.answer(&InvitationList { invitations })?;
    Ok(ExitCode::SUCCESS)
}

/// Invitations of one query.
const PAGE: u32 = 1_000;

/// The invitations that wait, the latest first.
#[derive(Serialize)]
struct InvitationList {
    invitations: Vec<ListedInvitation>,
}

/// An invitation, for output.
#[derive(Serialize)]
pub(super) struct ListedInvitation {
    pub(super) id: InvitationId,
    pub(super) email: String,
    pub(super) role: String,
    kind: AccountKind,
    invited_by: Option<AccountId>,
    created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl From<Invitation> for ListedInvitation {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.as_str().to_owned(),
            role: invitation.role.as_str().to_owned(),
            kind: invitation.kind,
            invited_by: invitation.inviter,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

impl fmt::Display for InvitationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.invitations.is_empty() {
            return f.write_str("No invitation waits.");
        }
        let titles = ["id", "email", "role", "kind", "by", "expires"];
        let row = |invitation: &ListedInvitation| {
            [
                invitation.id.to_string(),
                invitation.email.clone(),
                invitation.role.clone(),
                invitation.kind.as_str().to_owned(),
                invitation.invited_by.map_or_else(|| "operator".to_owned(), |by| by.to_string()),
                invitation.expires_at.to_string(),
            ]
        };
        let rows = self.invitations.iter().map(row);
        Table(std::iter::once(titles.map(str::to_owned)).chain(rows).collect()).fmt(f)
    }
}
