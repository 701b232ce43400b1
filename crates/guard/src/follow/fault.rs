//! Errors of the connection to the server: `ConnectError` at start, `Fault` later.

use portcullis_token::TokenError;

/// The reason why [`GuardBuilder::connect`](crate::GuardBuilder::connect) fails.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is invalid.
    #[error("{0} is no server address: give an https URL, or an http URL of this machine")]
    Address(String),
    /// Plain HTTP to another machine.
    #[error("{0} has no TLS: use https, or call `.allow_plaintext()`")]
    Plaintext(String),
    /// The builder has no credential.
    #[error(
        "no credential: create one with `portcullis service credential NAME` for `.credential(…)`"
    )]
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
    #[error("no heartbeat from the server")]
    Silent,
    /// The connection ended.
    #[error("the server ended the feed")]
    Ended,
    /// 401 or 403.
    #[error("the server refuses the credential: check its name and secret")]
    Credential,
    /// 410 on the feed: the cursor has expired, and a snapshot is needed.
    #[error("the cursor has expired: a new snapshot is needed")]
    CursorExpired,
    /// Any status other than 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// More data than a server of this version sends.
    #[error("the response of the server is too large")]
    TooLarge,
    /// A violation of the protocol: another service, or a newer version.
    #[error("the response of the server is not {0}")]
    Malformed(&'static str),
    /// The signature of the snapshot is invalid.
    #[error("the signature of the snapshot is invalid: {0}")]
    Unsigned(TokenError),
    /// The snapshot differs from the signed one.
    #[error("the snapshot differs from the signed one")]
    Changed,
}

portcullis_domain::debug_as_display!(Fault);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_main_returns_prints_as_a_sentence() {
        let unsigned = ConnectError::from(Fault::Unsigned(TokenError::Expired));
        let sentence = "the signature of the snapshot is invalid: the token has expired";
        assert_eq!(format!("{unsigned:?}"), sentence);
    }
}
