//! Verification of tokens by `PyJWT`, an independent implementation.

use std::io::Write;
use std::process::{Command, Stdio};

use portcullis_domain::Clock;
use portcullis_testkit::TestServer;
use serde_json::Value;

/// The variable with the python of the tests; `tests/run` sets it.
const PYTHON: &str = "PORTCULLIS_TEST_PYTHON";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/http/verify_token.py");

/// The python that has the modules of the tests.
pub(crate) fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the program over this way")]
    let python = std::env::var(PYTHON);
    python.unwrap_or_else(|_| panic!("{PYTHON} is not set: run the tests with tests/run"))
}

/// Returns the claims, or the name of the exception.
pub(crate) fn verify(server: &TestServer, algorithm: &str, token: &str) -> Result<Value, String> {
    let url = format!("{}/.well-known/jwks.json", server.origin());
    let now = server.clock().now().as_seconds().to_string();
    let mut child = Command::new(python())
        .args([SCRIPT, &url, algorithm, "https://auth.example.test", "portcullis", &now])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("it was asked for");
    input.write_all(token.as_bytes()).expect("the script reads");
    drop(input);
    let output = child.wait_with_output().expect("the script ends");
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).expect("claims are JSON"));
    }
    let trace = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = trace.lines().last().unwrap_or_default();
    let exception = last.split(':').next().unwrap_or_default();
    let (_, name) = exception.rsplit_once('.').unwrap_or(("", exception));
    Err(name.to_owned())
}
