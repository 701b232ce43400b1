//! One run: the measurements in their order, each with a server of its own on the same database.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::Result;
use crate::crowd::Crowd;
use crate::measurement::{flood, me, refresh, register, sign_in, start};
use crate::options::{Measurement, Options};
use crate::report::{Report, progress};
use crate::server::{Server, free_address};

/// What the measurements of a run share.
pub(crate) struct Bench {
    pub options: Options,
    pub crowd: Crowd,
    program: PathBuf,
    folder: TempDir,
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
        Ok(())
    }

    /// A server, ready, with nothing in its environment but what it is told here.
    pub(crate) async fn server(&self) -> Result<Server> {
        let address = free_address()?;
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PORTCULLIS__SERVER__ADDRESS", address.to_string())
            .env("PORTCULLIS__DATA_DIR", self.folder.path().join("data"))
            .env("PORTCULLIS__LOG__LEVEL", "warn")
            .envs(self.options.database_url.iter().map(|url| ("DATABASE_URL", url)))
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path());
        Server::start(command, address, "/health/ready", &self.log()).await
    }

    /// Where the servers of this run write what they have to say.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}
