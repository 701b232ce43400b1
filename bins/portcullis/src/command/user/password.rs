//! Passwords from standard input: never an argument, which other users of the machine can see.

use std::io::{self, BufRead, Read};

use portcullis_domain::SecretString;

use crate::failure::Failure;

/// The first line of standard input, without its end.
pub(super) fn read() -> Result<SecretString, Failure> {
    /// More than the longest password, so that a wrong file is not read to its end.
    const MAX_PASSWORD_LINE: u64 = 8 * 1024;
    let mut line = String::new();
    io::stdin().lock().take(MAX_PASSWORD_LINE).read_line(&mut line).map_err(|error| {
        Failure::failed(format!("cannot read the password: {error}"), "pipe it to the command")
    })?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        let remedy = "pipe it to the command, such as by `pass show portcullis | portcullis …`";
        return Err(Failure::failed("there is no password on standard input", remedy));
    }
    Ok(SecretString::from(password))
}
