//! The command line: which verb runs. The arguments of a verb stand beside the function that runs it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;
use crate::command::audit::AuditVerb;
use crate::command::keys::KeysVerb;
use crate::command::matrix::PolicyVerb;
use crate::command::migrate::Migrate;
use crate::command::service_credential::ServiceVerb;
use crate::command::user_create::UserCreate;
use crate::command::user_end_sessions::UserEndSessions;
use crate::command::user_import::UserImport;
use crate::command::user_unlock::UserUnlock;
use crate::config::{self, Variables};
use crate::failure::Failure;
use crate::output::Output;

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
    /// Run the background jobs without serving, until told to stop
    Worker,
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

/// Reads the command line and does what it says.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
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
        Verb::Policy(verb) => command::matrix::run(loaded, verb, output),
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
                Verb::Worker => command::worker::run(config, &warnings, output),
                _ => command::serve::run(config, &warnings, output),
            }
        }
    }
}
