//! The columns `amr` and `acr` of the table `sessions`: authentication methods and assurance level.

use portcullis_domain::{Authentication, AuthenticationMethod};

use crate::failure::Failure;

/// Returns the names of the methods, separated by spaces.
pub(crate) fn amr(authentication: &Authentication) -> String {
    let words: Vec<&str> = authentication.methods.iter().map(|method| method.as_str()).collect();
    words.join(" ")
}

/// Reads the two columns.
pub(crate) fn read(amr: &str, acr: &str) -> Result<Authentication, Failure> {
    let corrupt = |_| Failure::Corrupt { table: "sessions", column: "acr" };
    Ok(Authentication {
        methods: amr.split_whitespace().map(AuthenticationMethod::from).collect(),
        assurance: acr.parse().map_err(corrupt)?,
    })
}
