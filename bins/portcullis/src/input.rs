//! Secrets from the terminal or from standard input: never an argument, which other users of the machine can see.

use std::io::{self, BufRead, IsTerminal, Read};

use portcullis_domain::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::failure::Failure;

/// Reads a new password from standard input, or asks for it twice on the terminal without echo.
pub(crate) fn new_password(is_piped: bool) -> Result<SecretString, Failure> {
    if is_piped {
        return secret_line("password");
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to ask for the password: pipe it, with --password-stdin",
        ));
    }
    let ask = |question: &str| {
        let typed = rpassword::prompt_password(question).map(SecretString::from);
        typed.map_err(|error| Failure::usage(format!("{error}; use --password-stdin")))
    };
    let password = ask("New password: ")?;
    let again = ask("Again: ")?;
    if bool::from(password.expose_secret().as_bytes().ct_eq(again.expose_secret().as_bytes())) {
        Ok(password)
    } else {
        Err(Failure::failed("the passwords differ", "repeat the command"))
    }
}

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
