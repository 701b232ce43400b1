//! Errors of the connection to the server: `ConnectError` at start, `Fault` later.

use portcullis_token::TokenError;

/// The reason why [`GuardBuilder::connect`](crate::GuardBuilder::connect) fails.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is invalid.
    #[error("{0} is no address of a server: give an https URL, or http on this machine")]
    Address(String),
    /// Plain HTTP to another machine.
    #[error("{0} would be reached without TLS: use https, or `.allow_plaintext()` and mean it")]
    Plaintext(String),
    /// The builder has no credential.
    #[error("no credential: `portcullis service credential NAME` makes one for `.credential(…)`")]
    NoCredential,
    /// The key set of the server is empty.
    #[error(
        "the server publishes no keys: set `tokens.algorithm` to \"EdDSA\" there, or give \
         `.shared_secret(…)` here"
    )]
    NoKeys,
    /// The server did not give the expected response.
    #[error(transparent)]
    Server(#[from] Fault),
}

portcullis_domain::debug_as_display!(ConnectError);

/// A failure of the connection between a guard and the server.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The request or its response was lost.
    #[error("the server cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    /// No data arrived within the timeout.
    #[error("the server has fallen silent")]
    Silent,
    /// The connection ended.
    #[error("the server ended the feed")]
    Ended,
    /// 401 or 403.
    #[error("the server refuses the credential: check its name and secret")]
    Credential,
    /// 410 on the feed: the cursor has expired, and a snapshot is needed.
    #[error("the server no longer has what followed the cursor")]
    CursorExpired,
    /// Any status other than 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// More data than a server of this version sends.
    #[error("the server sent too much")]
    TooLarge,
    /// A violation of the protocol: another service, or a newer version.
    #[error("the server sent something else than {0}")]
    Malformed(&'static str),
    /// The signature of the snapshot is invalid.
    #[error("the signature of the snapshot does not hold: {0}")]
    Unsigned(TokenError),
    /// The snapshot differs from the signed one.
    #[error("the snapshot was changed on its way")]
    Changed,
}

portcullis_domain::debug_as_display!(Fault);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_main_returns_prints_as_a_sentence() {
        let unsigned = ConnectError::from(Fault::Unsigned(TokenError::Expired));
        let sentence = "the signature of the snapshot does not hold: the token has expired";
        assert_eq!(format!("{unsigned:?}"), sentence);
    }
}
