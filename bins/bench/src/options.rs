//! The command line of the load test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Load-tests a built Portcullis server and prints medians, and ratios against baselines of the same
/// run.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Options {
    /// The server program [default: `portcullis` beside this program]
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// The database; use an empty one, because accounts stay in it, and tables named pgbench_* are
    /// replaced and dropped [default: SQLite in a temporary folder]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// Run only these measurements
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub only: Vec<Measurement>,

    /// Connections of the throughput measurements, and clients of pgbench
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = at_least_one())]
    pub connections: u32,

    /// Rounds of each measurement and of its baseline
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = at_least_one())]
    pub rounds: u32,

    /// Length of a round, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = at_least_one())]
    pub seconds: u32,

    /// Concurrent sign-ins of a flood
    #[arg(long, value_name = "COUNT", default_value_t = 300, value_parser = at_least_one())]
    pub flood: u32,

    /// Length of each flood, and of the quiet time before it, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = at_least_one())]
    pub flood_seconds: u32,

    /// Connections of the one account that floods the server with permission checks
    #[arg(long, value_name = "COUNT", default_value_t = 512, value_parser = at_least_one())]
    pub decision_flood: u32,

    /// Length of that flood, and of the quiet time before it, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = at_least_one())]
    pub decision_flood_seconds: u32,

    /// `me` requests, or permission checks, per second before and during a flood
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = at_least_one())]
    pub paced: u32,

    /// Services that read the revocation feed
    #[arg(long, value_name = "COUNT", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub followers: u32,

    /// Decisions in the audit log that is exported, replayed and verified, in whole thousands
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(10_000..=100_000_000))]
    pub decisions: u32,

    /// The pgbench program [default: from PATH or /usr/lib/postgresql]
    #[arg(long, value_name = "PATH")]
    pub pgbench: Option<PathBuf>,

    /// A variable for the environment of the server, which inherits no others
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub environment: Vec<(String, String)>,

    #[command(subcommand)]
    pub role: Option<Role>,
}

/// The measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// `me` (the caller's account), against a bare handler, and against one that verifies tokens
    Me,
    /// `me` with an API key, against a bare handler
    ApiKey,
    /// Registration, against raw Argon2id
    Register,
    /// Sign-in, against raw Argon2id
    SignIn,
    /// Sign-in by passkey, against sign-in by password
    Passkey,
    /// The check of a TOTP code, against the HMAC-SHA-1 that it cannot avoid; needs no server
    Totp,
    /// Rotation, against pgbench (SQLite: a bare handler)
    Refresh,
    /// Latency of `me` under many concurrent sign-ins, and the results of these
    Flood,
    /// Latency that the shared rate limit adds in each state of Redis; starts a `redis-server`
    SharedLimit,
    /// Latency of permission checks while another account floods the server with large batches
    DecisionFlood,
    /// Time to the first ready answer, memory at rest
    Start,
    /// Followers of the revocation feed: memory, processor time, and delay of a revocation
    Followers,
    /// Recorded permission checks, one by one, against a bare handler; also with `audit.strict`
    Check,
    /// Recorded permission checks, a thousand per request
    Batch,
    /// Export of the audit log as JSON lines and CSV, over HTTP
    Export,
    /// Replay of every recorded decision against another matrix
    Replay,
    /// Verification of the audit log
    Verify,
}

/// The internal commands of this program.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Serves the bare handler in a separate process
    #[command(hide = true)]
    Baseline(Handler),
}

/// The options of the bare handler.
#[derive(Clone, Debug, Args)]
pub(crate) struct Handler {
    #[arg(long)]
    pub address: SocketAddr,

    /// The route that it stands for
    #[arg(long)]
    pub route: Route,

    /// Bytes of the body
    #[arg(long)]
    pub bytes: usize,

    /// The document with the keys of tokens, if it verifies them
    #[arg(long)]
    pub keys: Option<String>,
}

/// A route that the bare handler can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Route {
    Me,
    /// [`Self::Me`] for tokens that are verified.
    VerifiedMe,
    Check,
    Batch,
}

impl Options {
    pub(crate) fn selects(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    pub(crate) fn round(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// The database, if it is a PostgreSQL server.
    pub(crate) fn postgres(&self) -> Option<&str> {
        let is_postgres = |url: &&str| url.starts_with("postgres");
        self.database_url.as_deref().filter(is_postgres)
    }
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must have the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn without_a_choice_everything_is_measured() {
        let all = Options::parse_from(["bench"]);
        assert!(Measurement::value_variants().iter().all(|one| all.selects(*one)));
        let some = Options::parse_from(["bench", "--only", "me,sign-in"]);
        let selected = |one: &&Measurement| some.selects(**one);
        let chosen: Vec<_> = Measurement::value_variants().iter().filter(selected).collect();
        assert_eq!(chosen, [&Measurement::Me, &Measurement::SignIn]);
    }

    #[test]
    fn a_round_of_no_length_is_refused() {
        assert!(Options::try_parse_from(["bench", "--seconds", "0"]).is_err());
        assert!(Options::try_parse_from(["bench", "--env", "NAME"]).is_err());
    }
}
