//! `invite create`: invites the owner of an address.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::administration;
use super::list::ListedInvitation;
use crate::command::user::Kind;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::roles;

/// The person to invite.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The email address; the account gets it, verified
    #[arg(long)]
    email: String,
    /// The role, one of the access matrix, such as resident
    #[arg(long)]
    role: String,
    /// The kind of account; a developer may also create API keys
    #[arg(long, default_value = "user")]
    kind: Kind,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("invite create");
    let (invitations, matrices) = administration::invitations(config, &operator)?;
    roles::argument(&matrices.active().load().matrix, &arguments.role)?;
    let Arguments { email, role, kind } = arguments;
    let invitation = invitations
        .invite(&operator, &email, &role, kind.into())
        .map_err(administration::refused)?;
    output.answer(&Created { invited: invitation.into() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Created {
    invited: ListedInvitation,
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListedInvitation { id, email, role, expires_at, .. } = &self.invited;
        write!(f, "invited {email} as {role} until {expires_at}, id {id}. A server mails the link.")
    }
}
