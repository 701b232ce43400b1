//! `invite revoke`: revokes an invitation that waits.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::InvitationId;
use serde::Serialize;

use super::administration;
use super::list::ListedInvitation;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;

/// The invitation to revoke.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id, as `invite list` prints it
    id: InvitationId,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("invite revoke");
    let (invitations, _) = administration::invitations(config, &operator)?;
    let revoked = invitations.revoke(&operator, arguments.id).map_err(administration::refused)?;
    output.answer(&Revoked { revoked: revoked.into() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Revoked {
    revoked: ListedInvitation,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListedInvitation { email, role, .. } = &self.revoked;
        write!(f, "The invitation of {email} as {role} is revoked.")
    }
}
