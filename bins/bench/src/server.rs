//! A server in a separate process: the one under test, or the bare handler.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyper::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::client::{Client, get};
use crate::outcome::Result;

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    pub address: SocketAddr,
    /// The address of the metrics.
    pub operations: SocketAddr,
    /// The time from the start of the process to its first ready answer.
    pub started_in: Duration,
    child: Child,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The interval of polls.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

impl Server {
    /// Starts the command, which must listen on `address` and is ready when `path` answers 200. Its output
    /// is appended to `log`.
    ///
    /// # Errors
    ///
    /// When the process ends, or is not ready within 30 seconds, with the end of its log.
    pub(crate) async fn start(
        mut command: Command,
        address: SocketAddr,
        path: &str,
        log: &Path,
    ) -> Result<Self> {
        const TIMEOUT: Duration = Duration::from_secs(30);
        let output = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);

        let begun = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let mut server = Self { address, operations: address, started_in: Duration::ZERO, child };
        while !is_ready(address, path).await {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended, {status}\n{}", end_of(log)).into());
            }
            if begun.elapsed() > TIMEOUT {
                return Err(format!("the server is not ready\n{}", end_of(log)).into());
            }
            sleep(POLL_INTERVAL).await;
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Stops the process by a signal, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it does not end within 15 seconds, or fails.
    pub(crate) async fn stop(mut self) -> Result<()> {
        const TIMEOUT: Duration = Duration::from_secs(15);
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(process, Signal::TERM)?;
        }
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let failed = || format!("the server ended, {status}").into();
                return if status.success() { Ok(()) } else { Err(failed()) };
            }
            if asked.elapsed() > TIMEOUT {
                return Err("the server does not end when asked to".into());
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both calls fail if the process has ended already, which is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free at the time of the call.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((LOOPBACK, 0))?.local_addr()?)
}

async fn is_ready(address: SocketAddr, path: &str) -> bool {
    let answer = async {
        let request = get(address, path, None)?;
        Client::connect(address, LOOPBACK).await?.send(request).await
    };
    answer.await.is_ok_and(|answer| answer.status == StatusCode::OK)
}

fn end_of(log: &Path) -> String {
    const LINES: usize = 20;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let skipped = text.lines().count().saturating_sub(LINES);
    text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_ends_at_once_is_reported_with_its_last_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such port >&2; exit 3"]);
        let address = free_address().unwrap();
        let started = Server::start(command, address, "/", &folder.path().join("log")).await;
        let error = started.err().unwrap().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such port"), "{error}");
    }
}
