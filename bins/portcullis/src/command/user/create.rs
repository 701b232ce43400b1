//! `user create`: creates one account.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use portcullis_domain::{
    Account, AccountId, AccountKind, DisplayName, Email, Role, Timestamp, Username,
};
use portcullis_flows::identity::account_request::{AccountRequest, RegistrationError};
use portcullis_flows::identity::provisioning::{PersonKind, ProvisioningOptions};
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, input, opening, roles};

/// The account to create.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The user name: 3 to 64 characters without spaces
    #[arg(long)]
    username: String,
    /// The email address of the owner
    #[arg(long)]
    email: String,
    /// The role, one of the access matrix, such as admin
    #[arg(long)]
    role: String,
    /// The kind of account; a developer may also create API keys
    #[arg(long, default_value = "user")]
    kind: Kind,
    /// The display name
    #[arg(long)]
    display_name: Option<String>,
    /// Read the password from the first line of standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// The password must be changed before the account can be used
    #[arg(long)]
    must_change: bool,
}

/// The kind of account to create.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    User,
    Developer,
}

impl From<Kind> for PersonKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Developer => Self::Developer,
        }
    }
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("user create");
    let (store, matrices) = opening::started(config, &operator)?;
    let matrix = &matrices.active().load().matrix;
    let role = roles::argument(matrix, &arguments.role)?;
    let request = AccountRequest {
        username: arguments.username,
        email: arguments.email,
        password: input::new_password(arguments.password_stdin)?,
        display_name: arguments.display_name,
        origin: operator.origin,
    };
    let candidates = assembly::identity::checker(config)?;
    let options = ProvisioningOptions {
        role,
        kind: arguments.kind.into(),
        password_must_change: arguments.must_change,
    };
    let provisioning = assembly::identity::provisioning(&store, candidates, &matrices, config);
    let account = provisioning.create(&request, options).map_err(refused)?;
    output.answer(&CreateOutput::from(account))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn refused(error: RegistrationError) -> Failure {
    match error {
        RegistrationError::Store(error) => error.into(),
        RegistrationError::Invalid(faults) => Failure::Failed {
            problems: faults.iter().map(ToString::to_string).collect(),
            remedy: "nothing was done; fix the values named above".to_owned(),
        },
        RegistrationError::Superseded => {
            Failure::failed(error, "nothing was done; run the same command again")
        }
        error => Failure::failed(error, "nothing was done; choose another value"),
    }
}

#[derive(Serialize)]
struct CreateOutput {
    created: NewAccount,
}

#[derive(Serialize)]
struct NewAccount {
    id: AccountId,
    username: Username,
    email: Email,
    display_name: Option<DisplayName>,
    kind: AccountKind,
    role: Role,
    password_must_change: bool,
    created_at: Timestamp,
}

impl From<Account> for CreateOutput {
    fn from(account: Account) -> Self {
        let created = NewAccount {
            id: account.id,
            username: account.username,
            email: account.email,
            display_name: account.display_name,
            kind: account.kind,
            role: account.role,
            password_must_change: account.password_must_change,
            created_at: account.created_at,
        };
        Self { created }
    }
}

impl fmt::Display for CreateOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NewAccount { id, username, email, role, .. } = &self.created;
        write!(f, "created {} <{}> as {role}, id {id}", username.as_str(), email.as_str())
    }
}
