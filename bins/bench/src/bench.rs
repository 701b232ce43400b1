//! The shared state of the measurements of a run: the program under test, its databases and accounts.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::accounts::AccountGenerator;
use crate::options::Options;
use crate::outcome::Result;
use crate::server::{Server, free_address};

/// The shared state of the measurements of a run.
pub(crate) struct Bench {
    pub options: Options,
    pub accounts: AccountGenerator,
    program: PathBuf,
    folder: TempDir,
}

/// The issuer of the tokens.
pub(crate) const ISSUER: &str = "bench";

/// A database of this run. All of them are one database if the command line names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data {
    /// Accounts and their sessions.
    Common,
    /// Mostly decisions.
    DecisionLog,
    /// Only security events.
    Events,
    /// The decisions of a flood.
    Flood,
}

impl Bench {
    pub(crate) fn new(options: Options) -> Result<Self> {
        let beside = || Ok(std::env::current_exe()?.with_file_name("portcullis"));
        let program = options.server.clone().map_or_else(beside, Result::Ok)?;
        if !program.is_file() {
            let program = program.display();
            return Err(format!(
                "no server program at {program}: build it with `cargo build --release -p \
                 portcullis`, or say where it is with --server"
            )
            .into());
        }
        Ok(Self {
            options,
            accounts: AccountGenerator::new()?,
            program,
            folder: tempfile::tempdir()?,
        })
    }

    /// A ready server, whose environment is set here only.
    pub(crate) async fn server(&self) -> Result<Server> {
        self.server_with(Data::Common, &[]).await
    }

    /// A server on that database, with additional variables.
    pub(crate) async fn server_with(
        &self,
        data: Data,
        environment: &[(&str, &str)],
    ) -> Result<Server> {
        let (address, operations) = (free_address()?, free_address()?);
        let mut command = self.command(data);
        command
            .env("PORTCULLIS__SERVER__ADDRESS", address.to_string())
            .env("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", operations.to_string())
            .envs(environment.iter().copied());
        let mut server = Server::start(command, address, "/health/ready", &self.log()).await?;
        server.operations = operations;
        Ok(server)
    }

    /// The program on that database, whose environment is set here only.
    pub(crate) fn command(&self, data: Data) -> Command {
        let folder = match data {
            // The data of a database belongs to one secret key, which is in its directory.
            _ if self.options.database_url.is_some() => "data",
            Data::Common => "data",
            Data::DecisionLog => "trail",
            Data::Events => "events",
            Data::Flood => "flood",
        };
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PORTCULLIS__DATA_DIR", self.folder.path().join(folder))
            .env("PORTCULLIS__LOG__LEVEL", "warn")
            // The default is the address, which differs between servers, so tokens would not stay valid
            // for the next server.
            .env("PORTCULLIS__TOKENS__ISSUER", ISSUER)
            // The limits are checked and never reached: all load comes from one address.
            .envs([
                ("RATE_LIMIT_LOGIN_ATTEMPTS", "1000"),
                ("RATE_LIMIT_LOGIN_WINDOW", "1"),
                ("RATE_LIMIT_FORGOT_ATTEMPTS", "1000"),
                ("RATE_LIMIT_FORGOT_WINDOW", "1"),
                ("RATE_LIMIT_REGISTER_ATTEMPTS", "1000"),
                ("RATE_LIMIT_REGISTER_WINDOW", "1"),
                ("PORTCULLIS__RATE_LIMIT__REQUESTS", "10000000"),
                ("PORTCULLIS__RATE_LIMIT__ACCOUNT_REQUESTS", "10000000"),
                ("PORTCULLIS__RATE_LIMIT__KEY_REQUESTS", "10000000"),
                ("PORTCULLIS__RATE_LIMIT__CONNECTIONS", "100000"),
                ("PORTCULLIS__RATE_LIMIT__CONCURRENT_REQUESTS", "100000"),
                ("PORTCULLIS__RATE_LIMIT__CONCURRENT_REQUESTS_IN_ALL", "200000"),
            ])
            .envs(self.options.database_url.iter().map(|url| ("DATABASE_URL", url)))
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path());
        command
    }

    /// A file of that name, deleted after the run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The log file of the servers of this run.
    pub(crate) fn log(&self) -> PathBuf {
        self.file("log")
    }
}
