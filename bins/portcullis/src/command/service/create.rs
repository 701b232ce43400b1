//! `service create`: creates a service account, which acts through API keys only.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::AccountId;
use portcullis_flows::identity::provisioning::ServiceRequest;
use serde::Serialize;

use crate::command::user::refused;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening, roles};

/// The service account to create.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The user name of the service: 3 to 64 characters without spaces
    #[arg(long)]
    username: String,
    /// The contact address of the service; no other account may have it
    #[arg(long)]
    email: String,
    /// The role, one of the access matrix, such as msa
    #[arg(long)]
    role: String,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("service create");
    let (store, matrices) = opening::started(config, &operator)?;
    let role = roles::argument(&matrices.active().load().matrix, &arguments.role)?;
    let Arguments { username, email, .. } = arguments;
    let request = ServiceRequest { username, email, role, origin: operator.origin };
    let checker = assembly::identity::checker(config)?;
    let provisioning = assembly::identity::provisioning(&store, checker, &matrices, config);
    let account = provisioning.create_service(&request).map_err(refused)?;
    let username = account.username.as_str().to_owned();
    output.answer(&CreatedService { id: account.id, username })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct CreatedService {
    id: AccountId,
    username: String,
}

impl fmt::Display for CreatedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, username } = self;
        write!(
            f,
            "created the service {username}, id {id}. It has no password; give it a key by \
             `portcullis api-key create --username {username} --name NAME --scope RESOURCE:ACTION`."
        )
    }
}
