//! How somebody has proven who they are, as the row of their session says it.

use portcullis_domain::{Authentication, AuthenticationMethod};

use crate::failure::Failure;

/// The words of the methods, with spaces between them.
pub(crate) fn amr(authentication: &Authentication) -> String {
    let words: Vec<&str> = authentication.methods.iter().map(|method| method.as_str()).collect();
    words.join(" ")
}

/// What the two columns say.
pub(crate) fn read(amr: &str, acr: &str) -> Result<Authentication, Failure> {
    let corrupt = |_| Failure::Corrupt { table: "sessions", column: "acr" };
    Ok(Authentication {
        methods: amr.split_whitespace().map(AuthenticationMethod::from).collect(),
        assurance: acr.parse().map_err(corrupt)?,
    })
}
