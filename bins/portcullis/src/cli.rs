//! The command line: global options and the list of verbs.

#[cfg(test)]
mod documents;
mod examples;
#[cfg(test)]
mod page;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use portcullis_domain::Ambient;

use crate::config::{self, Variables};
use crate::failure::Failure;
use crate::output::Output;
use crate::socket_activation::InheritedListeners;
use crate::{command, process};

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
    /// Print the answer as one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a commented configuration and an access matrix to begin with
    Init(command::config::init::Arguments),
    /// Run the server (the default without a verb)
    Serve,
    /// Run the exclusive background jobs without serving, until stopped by a signal
    Worker(command::worker::Arguments),
    /// Migrate the database to the schema of this version; `serve` does so too
    Migrate(command::migrate::Arguments),
    /// Exit with 0 if the running server accepts requests, for health checks of containers
    #[command(after_help = command::health::AFTER_HELP)]
    Health,
    /// Show the state of the running server
    #[command(after_help = command::status::AFTER_HELP)]
    Status,
    /// Write a backup of the database to a file; the server may be running or stopped
    Backup(command::backup::Arguments),
    /// Restore a backup into the configured database, while no server uses it
    Restore(command::restore::Arguments),
    /// Check, show and begin a configuration
    #[command(subcommand)]
    Config(command::config::Verb),
    /// Check configuration, data directory, database, keys and hashing cost
    Doctor,
    /// Create, list, lock, change and delete accounts; the server may be running or stopped
    #[command(subcommand)]
    User(command::user::Verb),
    /// Create, list and revoke invitations to register; the server may be running or stopped
    #[command(subcommand)]
    Invite(command::invite::Verb),
    /// Create, list, rotate and revoke API keys; the server may be running or stopped
    #[command(subcommand)]
    ApiKey(command::api_key::Verb),
    /// Check, compare, replay and activate versions of the access matrix
    #[command(subcommand)]
    Policy(command::matrix::Verb),
    /// List, rotate and retire the keys that sign access tokens
    #[command(subcommand)]
    Keys(command::keys::Verb),
    /// Create service accounts, and credentials for services that read revocations and introspect tokens
    #[command(subcommand)]
    Service(command::service::Verb),
    /// List, impose and lift bans of client addresses; the server may be running or stopped
    #[command(subcommand)]
    Ban(command::ban::Verb),
    /// Explain the risk of sign-ins, and replay it with other weights and thresholds
    #[command(subcommand)]
    Risk(command::risk::Verb),
    /// Measure password hashing on this machine
    #[command(subcommand)]
    Hash(command::hash::Verb),
    /// Make and check filter files of breached passwords
    #[command(subcommand)]
    BreachFilter(command::breach_filter::Verb),
    /// Test the mail server; list mails that cannot be delivered, and send them again
    #[command(subcommand)]
    Mail(command::mail::Verb),
    /// Verify and export the audit log
    #[command(subcommand)]
    Audit(command::audit::Verb),
    /// Print the completions of a shell
    Completions(command::completions::Arguments),
    /// Write the manual, a page for each command
    ManPages(command::man_pages::Arguments),
}

/// Parses the command line and runs its verb.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Read before parsing, because a usage error is printed as JSON too.
    let output = Output { json: arguments.iter().any(|argument| argument == "--json") };
    let parsed = command().try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && output.json => {
            return output.failure(&Failure::usage(error.render().to_string()));
        }
        Err(error) => error.exit(),
    };
    execute(cli, output).unwrap_or_else(|failure| output.failure(&failure))
}

/// This program with the same configuration, as a shell calls it.
fn this_program(config: Option<&Path>) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "portcullis".to_owned());
    let config = config.map(|path| ["--config".to_owned(), path.display().to_string()]);
    let words = std::iter::once(program).chain(config.into_iter().flatten());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let quoted = words.map(|word| {
        if word.chars().all(is_plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The command line with the examples in its help.
fn command() -> Command {
    examples::with_examples(Cli::command())
}

fn execute(cli: Cli, output: Output) -> Result<ExitCode, Failure> {
    let load = || config::load(cli.config.as_deref(), &Variables::of_this_process());
    let load_for_server = || load().with_files_of_server(Ambient::system().clock.now());
    match cli.verb.unwrap_or(Verb::Serve) {
        Verb::Init(arguments) => command::config::init::run(&arguments, output),
        Verb::Serve => {
            let inherited = InheritedListeners::take_over();
            let signals = process::signals()?;
            let (loaded, risk_files) = load_for_server();
            let (config, warnings) = loaded.sound()?;
            let this_program = this_program(cli.config.as_deref());
            command::serve::run(
                config,
                risk_files,
                &warnings,
                inherited,
                signals,
                output,
                &this_program,
            )
        }
        Verb::Worker(arguments) => {
            let signals = process::signals()?;
            let (config, warnings) = load().sound()?;
            command::worker::run(config, &arguments, &warnings, signals, output)
        }
        Verb::Migrate(arguments) => command::migrate::run(load(), &arguments, output),
        Verb::Health => command::health::run(&load(), output),
        Verb::Status => command::status::run(&load(), output),
        Verb::Backup(arguments) => command::backup::run(load(), &arguments, output),
        Verb::Restore(arguments) => command::restore::run(load(), &arguments, output),
        Verb::Config(verb) => command::config::run(|| load_for_server().0, &verb, output),
        Verb::Doctor => command::doctor::run(&load_for_server().0, output),
        Verb::User(verb) => command::user::run(load(), verb, output),
        Verb::Invite(verb) => command::invite::run(load(), verb, output),
        Verb::ApiKey(verb) => command::api_key::run(load(), verb, output),
        Verb::Policy(verb) => command::matrix::run(load(), verb, output),
        Verb::Keys(verb) => command::keys::run(load(), &verb, output),
        Verb::Service(verb) => command::service::run(load, verb, output),
        Verb::Ban(verb) => command::ban::run(load(), verb, output),
        Verb::Risk(verb) => command::risk::run(load(), verb, output),
        Verb::Hash(verb) => command::hash::run(&verb, output),
        Verb::BreachFilter(verb) => command::breach_filter::run(&verb, output),
        Verb::Mail(verb) => command::mail::run(load(), verb, output),
        Verb::Audit(verb) => command::audit::run(load(), verb, output),
        Verb::Completions(arguments) => {
            command::completions::run(&arguments, self::command(), output)
        }
        Verb::ManPages(arguments) => command::man_pages::run(&arguments, self::command(), output),
    }
}
