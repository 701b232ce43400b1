//! One run: the measurements in their order, each with a server of its own on the same database.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::Result;
use crate::crowd::Crowd;
use crate::measurement::{
    batch, check, decision_flood, export, flood, followers, me, refresh, register, replay, sign_in,
    start, verify,
};
use crate::options::{Measurement, Options};
use crate::report::{Report, progress};
use crate::server::{Server, free_address};
use crate::trail::Trail;

/// What the measurements of a run share.
pub(crate) struct Bench {
    pub options: Options,
    pub crowd: Crowd,
    program: PathBuf,
    folder: TempDir,
}

/// A database of this run. There is but one if it was named on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data {
    /// Accounts and whatever they do.
    Common,
    /// Decisions, and hardly anything else.
    Trail,
    /// Security events, and nothing else.
    Events,
    /// The decisions of a flood.
    Flood,
}

/// Measures what was asked for and prints it.
pub(crate) fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let bench = Bench::new(options)?;
        tokio::select! {
            measured = bench.measure() => measured,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

impl Bench {
    fn new(options: Options) -> Result<Self> {
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
        Ok(Self { options, crowd: Crowd::new()?, program, folder: tempfile::tempdir()? })
    }

    async fn measure(&self) -> Result<()> {
        let mut report = Report::default();
        let measured = self.fill(&mut report).await;
        // What was measured before something broke is worth having.
        report.print(&self.options);
        measured
    }

    async fn fill(&self, report: &mut Report) -> Result<()> {
        let wanted = |measurement| {
            let selected = self.options.selects(measurement);
            if selected {
                progress(&format!("measuring {measurement:?}"));
            }
            selected
        };
        if wanted(Measurement::Start) {
            report.add(start::measure(self).await?);
        }
        if wanted(Measurement::Me) {
            report.add(me::measure(self).await?);
        }
        if wanted(Measurement::Register) {
            report.add(register::measure(self).await?);
        }
        if wanted(Measurement::SignIn) {
            report.add(sign_in::measure(self).await?);
        }
        if wanted(Measurement::Refresh) {
            report.add(refresh::measure(self).await?);
        }
        if wanted(Measurement::Flood) {
            report.add(flood::measure(self).await?);
        }
        if wanted(Measurement::DecisionFlood) {
            report.add(decision_flood::measure(self).await?);
        }
        if wanted(Measurement::Followers) {
            report.add(followers::measure(self).await?);
        }
        if wanted(Measurement::Check) {
            report.add(check::measure(self).await?);
        }
        if wanted(Measurement::Batch) {
            report.add(batch::measure(self).await?);
        }
        self.fill_with_trail(report, wanted).await
    }

    /// What reads a trail shares one, because to make it takes time.
    async fn fill_with_trail(
        &self,
        report: &mut Report,
        wanted: impl Fn(Measurement) -> bool,
    ) -> Result<()> {
        let readers = [Measurement::Export, Measurement::Replay, Measurement::Verify];
        if !readers.iter().any(|reader| self.options.selects(*reader)) {
            return Ok(());
        }
        let trail = Trail::fill(self).await?;
        if wanted(Measurement::Export) {
            report.add(export::measure(self, &trail).await?);
        }
        if wanted(Measurement::Replay) {
            report.add(replay::measure(self, &trail).await?);
        }
        if wanted(Measurement::Verify) {
            report.add(verify::measure(self).await?);
        }
        Ok(())
    }

    /// A server, ready, with nothing in its environment but what it is told here.
    pub(crate) async fn server(&self) -> Result<Server> {
        self.server_with(Data::Common, &[]).await
    }

    /// A server on that database, with further variables.
    pub(crate) async fn server_with(
        &self,
        data: Data,
        environment: &[(&str, &str)],
    ) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.command(data);
        command
            .env("PORTCULLIS__SERVER__ADDRESS", address.to_string())
            .envs(environment.iter().copied());
        Server::start(command, address, "/health/ready", &self.log()).await
    }

    /// The program on that database, with nothing in its environment but what it is told here.
    pub(crate) fn command(&self, data: Data) -> Command {
        let folder = match data {
            // What is in one database belongs to one secret key, which lies in the folder.
            _ if self.options.database_url.is_some() => "data",
            Data::Common => "data",
            Data::Trail => "trail",
            Data::Events => "events",
            Data::Flood => "flood",
        };
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PORTCULLIS__DATA_DIR", self.folder.path().join(folder))
            .env("PORTCULLIS__LOG__LEVEL", "warn")
            // By default this is the address, and every server has its own: tokens would not
            // outlive the one that has signed them.
            .env("PORTCULLIS__TOKENS__ISSUER", "bench")
            .envs(self.options.database_url.iter().map(|url| ("DATABASE_URL", url)))
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path());
        command
    }

    /// A file of that name, gone after the run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the servers of this run write what they have to say.
    pub(crate) fn log(&self) -> PathBuf {
        self.file("log")
    }
}
