//! Baseline: pgbench measures short write transactions per second of the same PostgreSQL with the same
//! number of clients.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::comparison::{MeasuredWork, Round};
use crate::outcome::Result;
use crate::report::progress;

/// pgbench on one database. Its tables are dropped with this value.
#[derive(Clone, Debug)]
pub(crate) struct Pgbench {
    program: PathBuf,
    url: String,
    clients: u32,
}

impl Pgbench {
    /// Creates its tables, at scale 10.
    pub(crate) async fn prepare(program: Option<&Path>, url: &str, clients: u32) -> Result<Self> {
        let program = program.map(Path::to_owned).or_else(installed).ok_or(
            "pgbench is neither on PATH nor in /usr/lib/postgresql: install it (Debian: \
             postgresql-contrib, part of postgresql) or say where it is with --pgbench",
        )?;
        let pgbench = Self { program, url: url.to_owned(), clients };
        pgbench.run(["-i", "-q", "-s", "10"].map(str::to_owned)).await?;
        Ok(pgbench)
    }

    /// Drops its tables.
    pub(crate) async fn clean_up(self) -> Result<()> {
        self.run(["-i", "-q", "-I", "d"].map(str::to_owned)).await?;
        Ok(())
    }

    async fn run(&self, arguments: impl IntoIterator<Item = String>) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg(&self.url).stdin(Stdio::null());
        let output = spawn_blocking(move || command.output()).await??;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("pgbench failed, {}\n{said}", output.status).into())
    }
}

impl MeasuredWork for Pgbench {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        let (clients, seconds) = (self.clients.to_string(), length.as_secs().max(1).to_string());
        let arguments = ["-n", "-N", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds];
        let said = self.run(arguments.map(str::to_owned)).await?;
        let rate = transactions_per_second(&said)
            .ok_or_else(|| format!("pgbench tells no transactions per second\n{said}"))?;
        Ok(Round { rate, latencies: Vec::new() })
    }
}

fn transactions_per_second(said: &str) -> Option<f64> {
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    rate.split(' ').next()?.parse().ok()
}

/// Finds pgbench in PATH, else the newest version in the directories of Debian.
fn installed() -> Option<PathBuf> {
    let on_path = PathBuf::from("pgbench");
    let answers = Command::new(&on_path).arg("--version").output().is_ok();
    if answers {
        return Some(on_path);
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin/pgbench")))
        })
        .filter(|(_, program)| program.is_file())
        .collect();
    versions.sort();
    let (version, program) = versions.pop()?;
    progress(&format!("pgbench of PostgreSQL {version}"));
    Some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "pgbench (15.14)\nnumber of failed transactions: 0 (0.000%)\n\
                    latency average = 5.177 ms\ninitial connection time = 23.551 ms\n\
                    tps = 6180.501276 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(6_180.501_276));
        assert_eq!(transactions_per_second("pgbench: error"), None);
    }
}
