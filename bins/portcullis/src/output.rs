//! Answers: for people, or as one JSON document.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::Failure;

/// Where answers go: standard output. Logs, progress and what is said in passing go to standard
/// error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether programs read it.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the one answer of a command.
    pub(crate) fn answer<T: Display + Serialize>(self, answer: &T) {
        let text = if self.json { json(answer) } else { answer.to_string() };
        print_line(&mut io::stdout().lock(), text.trim_end());
    }

    /// Prints why there is no answer.
    pub(crate) fn failure(self, failure: &Failure) -> ExitCode {
        if self.json {
            self.answer(failure);
        } else {
            print_line(&mut io::stderr().lock(), failure.to_string().trim_end());
        }
        failure.exit_code()
    }

    /// Says something in passing: one line, of JSON if that is what is read.
    pub(crate) fn remark<T: Display + Serialize>(self, remark: &T) {
        let text = if self.json { json(remark) } else { remark.to_string() };
        print_line(&mut io::stderr().lock(), &text);
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

/// Nobody is left to be told when the reader has gone away.
fn print_line(stream: &mut impl Write, text: &str) {
    drop(writeln!(stream, "{text}").and_then(|()| stream.flush()));
}
