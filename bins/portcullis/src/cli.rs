//! What can be typed.

mod audit;
mod keys;
mod policy;
mod service;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portcullis_flows::provisioning::PersonKind;

use crate::command;
use crate::config::{self, Variables};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) use audit::{AuditExport, AuditVerb, AuditVerify, TrailFormat};
pub(crate) use keys::{KeysRotate, KeysVerb};
pub(crate) use policy::{
    MatrixFormat, PolicyDiff, PolicyExplain, PolicyExport, PolicyReplay, PolicyVerb,
};
pub(crate) use service::{ServiceCredential, ServiceVerb};

/// Self-hosted authentication server.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    /// Read this configuration file [default: portcullis.toml in the data directory, if it exists]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Answer with one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server (what happens without a verb)
    Serve,
    /// Bring the database up to date; `serve` does so too
    Migrate(Migrate),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Check configuration, data directory, database and cost of hashing, all in one go
    Doctor,
    /// Create accounts, whether the server is running or not
    #[command(subcommand)]
    User(UserVerb),
    /// Check, compare, try and activate versions of the access matrix
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Look at the key pairs that sign access tokens, and replace them
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Let other services follow revocations and ask about tokens
    #[command(subcommand)]
    Service(ServiceVerb),
    /// Prove the audit trail, and take it elsewhere
    #[command(subcommand)]
    Audit(AuditVerb),
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Name every fault and every warning, each with its key and how to mend it
    Check,
}

#[derive(Debug, Subcommand)]
enum UserVerb {
    /// Create one account
    Create(UserCreate),
    /// Create the accounts of a CSV file, with the password hashes of another system
    Import(UserImport),
    /// Make the failed sign-ins of an account forgotten
    Unlock(UserUnlock),
    /// End all sessions of all accounts; running servers refuse their tokens within a second
    EndSessions(UserEndSessions),
}

/// Whose sessions to end.
#[derive(Debug, Args)]
pub(crate) struct UserEndSessions {
    /// Those of all accounts (there is no other choice; it is here so that nobody does it by accident)
    #[arg(long, required = true)]
    pub(crate) everybody: bool,
}

/// How the database is brought up to date.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Drop the security events of a version that did not seal them; without it, a database that
    /// holds such events is left as it is
    #[arg(long)]
    pub(crate) drop_unsealed_events: bool,
}

/// The account to unlock.
#[derive(Debug, Args)]
pub(crate) struct UserUnlock {
    /// The user name, or the email address
    #[arg(long)]
    pub(crate) username: String,
}

/// One account to create.
#[derive(Debug, Args)]
pub(crate) struct UserCreate {
    /// 3 to 64 characters without spaces
    #[arg(long)]
    pub(crate) username: String,
    /// The owner's address
    #[arg(long)]
    pub(crate) email: String,
    /// A role of the access matrix, such as admin
    #[arg(long)]
    pub(crate) role: String,
    /// A developer may also create API keys
    #[arg(long, default_value = "user")]
    pub(crate) kind: Kind,
    /// What to call the person
    #[arg(long)]
    pub(crate) display_name: Option<String>,
    /// Read the password from the first line of standard input (the only way to give one)
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    /// The password must be changed before the account can be used
    #[arg(long)]
    pub(crate) must_change: bool,
}

/// What sort of account to create.
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

/// Accounts to import.
#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: username, email and password_hash; display_name and role if there \
are any. Each further line is one account. Hashes are bcrypt (2a, 2b, 2y) or Argon2id in PHC form.

Lines with errors are reported and left out. Mend them and run the same command again: accounts that \
are there already are skipped.")]
pub(crate) struct UserImport {
    /// The CSV file, in UTF-8
    pub(crate) file: PathBuf,
    /// Accounts in one transaction
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: u16,
}

/// Reads the command line and does what it says.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    // Known before parsing succeeds, because a usage error is answered in JSON too.
    let output = Output { json: arguments.iter().any(|argument| argument == "--json") };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && output.json => {
            return output.failure(&Failure::usage(error.render().to_string()));
        }
        Err(error) => error.exit(),
    };
    execute(cli, output).unwrap_or_else(|failure| output.failure(&failure))
}

fn execute(cli: Cli, output: Output) -> Result<ExitCode, Failure> {
    let loaded = config::load(cli.config.as_deref(), &Variables::of_this_process());
    match cli.verb.unwrap_or(Verb::Serve) {
        Verb::Config(ConfigVerb::Check) => command::config_check::run(&loaded, output),
        Verb::Doctor => command::doctor::run(&loaded, output),
        Verb::Policy(verb) => command::policy::run(loaded, verb, output),
        Verb::Audit(verb) => command::audit::run(loaded, verb, output),
        Verb::Service(ServiceVerb::Credential(service)) => {
            command::service_credential::run(service, output)
        }
        verb => {
            let (config, warnings) = loaded.sound()?;
            match verb {
                Verb::Migrate(migrate) => command::migrate::run(&config, &migrate, output),
                Verb::Keys(verb) => command::keys::run(&config, &verb, output),
                Verb::User(UserVerb::Create(user)) => {
                    command::user_create::run(config, user, output)
                }
                Verb::User(UserVerb::Unlock(user)) => {
                    command::user_unlock::run(&config, user, output)
                }
                Verb::User(UserVerb::EndSessions(_)) => {
                    command::user_end_sessions::run(&config, output)
                }
                Verb::User(UserVerb::Import(import)) => {
                    command::user_import::run(config, &import, output)
                }
                _ => command::serve::run(config, &warnings, output),
            }
        }
    }
}
