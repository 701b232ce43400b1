//! The output of commands: text for people, or one JSON document.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::Failure;

/// The output of a command on standard output. Logs, progress and notes go to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// The output is JSON.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the answer of a command. If it cannot be printed, the command has done its work and still
    /// fails, unless the reader closed the pipe.
    pub(crate) fn answer<T: Display + Serialize>(self, answer: &T) -> Result<(), Failure> {
        let text = if self.json { json(answer) } else { answer.to_string() };
        match print_line(&mut io::stdout().lock(), text.trim_end()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| {
                let problem =
                    format!("the work is done, but the answer cannot be written: {error}");
                Failure::failed(
                    problem,
                    "free space for the output; check the result before you repeat",
                )
            }),
        }
    }

    /// Prints the failure of a command.
    pub(crate) fn failure(self, failure: &Failure) -> ExitCode {
        // If standard error cannot be written either, there is no place left for the error.
        if !self.json || self.answer(failure).is_err() {
            let _ = print_line(&mut io::stderr().lock(), failure.to_string().trim_end());
        }
        failure.exit_code()
    }

    /// Prints a note as one line, of JSON with `--json`.
    pub(crate) fn remark<T: Display + Serialize>(self, remark: &T) {
        let text = if self.json { json(remark) } else { remark.to_string() };
        let _ = print_line(&mut io::stderr().lock(), &text);
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

fn print_line(stream: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(stream, "{text}")?;
    stream.flush()
}
