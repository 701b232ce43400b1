//! Runs commands of the server's program that end by themselves.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::memory::{self, Bytes};
use crate::outcome::Result;

/// A command that has succeeded.
pub(crate) struct CommandResult {
    /// The JSON document that it has printed.
    pub answer: Value,
    /// The time from the start of the process to its end.
    pub took: Duration,
    /// The peak memory.
    pub peak: Bytes,
}

impl CommandResult {
    /// A number of the answer.
    pub(crate) fn number(&self, member: &str) -> Result<u64> {
        let number = self.answer.get(member).and_then(Value::as_u64);
        number.ok_or_else(|| format!("no {member} in the answer: {}", self.answer).into())
    }
}

/// Runs a command with the given standard input.
///
/// # Errors
///
/// When the command fails, with its output.
pub(crate) async fn run(mut command: Command, input: String) -> Result<CommandResult> {
    spawn_blocking(move || run_blocking(command.arg("--json"), &input)).await?
}

#[expect(
    clippy::disallowed_methods,
    reason = "this thread may wait, and its clock is the machine's"
)]
fn run_blocking(command: &mut Command, input: &str) -> Result<CommandResult> {
    const POLL_INTERVAL: Duration = Duration::from_millis(1);
    // A file takes an answer of any size without a reader.
    let mut output: File = tempfile::tempfile()?;
    command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let mut peak = Bytes::default();
    let status = loop {
        // The memory of an ended process cannot be read.
        peak = memory::peak(child.id()).unwrap_or(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL_INTERVAL);
    };
    let took = begun.elapsed();
    let mut printed = String::new();
    output.rewind()?;
    output.read_to_string(&mut printed)?;
    if !status.success() {
        return Err(format!("{command:?} failed, {status}\n{printed}").into());
    }
    Ok(CommandResult { answer: serde_json::from_str(&printed)?, took, peak })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn the_answer_of_a_command_is_read_with_what_it_took() {
        let script = "read line; sleep 0.05; echo \"{\\\"count\\\": $line}\"";
        let finished = run(shell(script), "42\n".to_owned()).await.unwrap();
        assert_eq!(finished.number("count").unwrap(), 42);
        assert!(finished.number("other").is_err());
        assert!(finished.peak > Bytes(0) && finished.took >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_what_it_said() {
        let failed = run(shell("echo no such thing; exit 3"), String::new()).await;
        let error = failed.err().unwrap().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such thing"), "{error}");
    }
}
