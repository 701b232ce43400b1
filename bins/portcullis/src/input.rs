//! Secrets from standard input: never an argument, which other users of the machine can see.

use std::io::{self, BufRead, Read};

use portcullis_domain::SecretString;

use crate::failure::Failure;

/// The first line of standard input, without its end. `what` names it for the operator.
pub(crate) fn secret_line(what: &str) -> Result<SecretString, Failure> {
    /// More than the longest password, so that a wrong file is not read to its end.
    const MAX_LINE: u64 = 8 * 1024;
    let mut line = String::new();
    io::stdin().lock().take(MAX_LINE).read_line(&mut line).map_err(|error| {
        Failure::failed(format!("cannot read the {what}: {error}"), "pipe it to the command")
    })?;
    let secret = line.strip_suffix('\n').unwrap_or(&line);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        let remedy = "pipe it to the command, such as by `pass show portcullis | portcullis …`";
        return Err(Failure::failed(format!("there is no {what} on standard input"), remedy));
    }
    Ok(SecretString::from(secret))
}
