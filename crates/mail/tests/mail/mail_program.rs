//! A strict mail program: the parsers for mails and HTML of Python, an implementation that shares no code with
//! the sender.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use portcullis_testkit::ReceivedMail;
use serde::Deserialize;

/// The variable with the python of the tests; `tests/run` sets it.
const PYTHON: &str = "PORTCULLIS_TEST_PYTHON";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/parse_mails.py");

/// A mail as the program reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ParsedMail {
    /// Names and decoded values, without `Content-Type`, which holds the random boundary.
    pub(crate) headers: Vec<(String, String)>,
    /// The media type of the mail.
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    /// The media types of its parts.
    pub(crate) types: Vec<String>,
    /// The character sets of its parts.
    pub(crate) charsets: Vec<String>,
    /// The addresses in `To`.
    pub(crate) to: Vec<String>,
    /// The text part.
    pub(crate) text: String,
    /// The elements of the HTML part in order, with their attributes.
    pub(crate) elements: Vec<(String, Attributes)>,
    /// The text between the elements.
    pub(crate) html_text: String,
}

/// The attributes of an element, each with its value if it has one.
type Attributes = Vec<(String, Option<String>)>;

impl ParsedMail {
    /// The attributes of this name, on any element.
    pub(crate) fn attributes(&self, name: &str) -> Vec<&str> {
        let attributes = self.elements.iter().flat_map(|(_, attributes)| attributes);
        let named = attributes.filter(|(own, _)| own == name);
        named.filter_map(|(_, value)| value.as_deref()).collect()
    }
}

/// Parses all mails; panics at the first violation of a standard.
pub(crate) fn parse(mails: &[ReceivedMail]) -> Vec<ParsedMail> {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the program over this way")]
    let python = std::env::var(PYTHON)
        .unwrap_or_else(|_| panic!("{PYTHON} is not set: run the tests with tests/run"));
    let mut child = Command::new(python)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = mails.iter().map(|mail| hex(&mail.content)).collect();
    let lines = lines.join("\n");
    // The script answers while it reads. An error here is that of the script, which is shown below.
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let parsed: Vec<_> =
        answers.lines().map(|line| serde_json::from_str::<ParsedMail>(line).unwrap()).collect();
    assert_eq!(parsed.len(), mails.len());
    parsed
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
