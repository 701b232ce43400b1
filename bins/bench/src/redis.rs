//! A throw-away Redis server, and the faults that a measurement causes in it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::outcome::Result;

/// A Redis server on loopback. Dropping it kills the process.
pub(crate) struct Redis {
    address: SocketAddr,
    child: Child,
}

impl Redis {
    /// Starts `redis-server` from PATH, with its files in this folder.
    ///
    /// # Errors
    ///
    /// When it does not answer within five seconds.
    pub(crate) async fn start(address: SocketAddr, folder: &Path) -> Result<Self> {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &address.port().to_string()])
            .args(["--enable-debug-command", "local"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        let redis = Self { address, child };
        for _ in 0..50 {
            if redis.command(&["PING"]).is_ok() {
                return Ok(redis);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err("redis-server does not answer".into())
    }

    /// The URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Runs a command by `redis-cli`.
    pub(crate) fn command(&self, words: &[&str]) -> Result<()> {
        let status = self.client(words).status()?;
        if status.success() { Ok(()) } else { Err(format!("redis-cli failed, {status}").into()) }
    }

    /// Blocks the server for this number of seconds.
    pub(crate) fn block(&self, seconds: u32) -> Result<()> {
        // Its answer comes at the end of the time, and nobody waits for it.
        drop(self.client(&["DEBUG", "SLEEP", &seconds.to_string()]).spawn()?);
        Ok(())
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(process.ok_or("no process")?, signal)?)
    }

    fn client(&self, words: &[&str]) -> Command {
        let mut command = Command::new("redis-cli");
        command.args(["-e", "-p", &self.address.port().to_string()]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Both calls fail if the process has ended already, which is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
