//! The reasons why a request is refused, in full, for the log of the service. The response to the
//! caller contains less; see `problem.rs`.

use std::fmt;
use std::time::Duration;

use portcullis_access::{Decision, Explanation, Matrix};
use portcullis_domain::{AccountId, ApiKeyId, AssuranceLevel};
use portcullis_token::TokenError;

use crate::Claims;

/// The reason why a request was refused. It prints as one line for the log of the service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no bearer token.
    #[error("no bearer token")]
    NotAuthenticated,
    /// More than one `Authorization` header, so the credential is ambiguous.
    #[error("more than one Authorization header")]
    AmbiguousCredentials,
    /// The token is invalid; the response does not say why.
    #[error(transparent)]
    InvalidToken(TokenError),
    /// The token is valid, but it, its session or its account was revoked.
    #[error("a revoked token of {0}")]
    Revoked(AccountId),
    /// The token is valid, but the revocation state is stale.
    #[error("no revocation update for {}.{:03} s", .0.as_secs(), .0.subsec_millis())]
    Stale(Duration),
    /// The account must change its password first.
    #[error("the password must be changed first")]
    PasswordMustChange,
    /// The account must enrol a second factor first.
    #[error("a second factor must be enrolled first")]
    FactorRequired,
    /// The account of the token is limited to networks, and the client is outside of them, or the service
    /// does not know the address of the client.
    #[error("a token of {0} from outside its networks")]
    OutsideNetworks(AccountId),
    /// The session has a lower assurance level, or its latest proof is too old.
    #[error("the sign-in is below {} or too old", .level.as_str())]
    InsufficientAuthentication {
        /// The required level.
        level: AssuranceLevel,
        /// The maximum age of the sign-in or step-up, if there is one.
        max_age: Option<Duration>,
    },
    /// The API key is mistyped, unknown, expired or revoked, its owner is not active, or it is not for use from
    /// the network of the client. The server does not tell services which of these it is.
    #[error("an API key that is not active")]
    InvalidApiKey,
    /// The server did not answer whether the API key is active.
    #[error("an API key that the server has not checked")]
    ApiKeyUnchecked,
    /// An API key, where only a sign-in is enough.
    #[error("the API key {0} instead of a sign-in")]
    ApiKeyNotAccepted(ApiKeyId),
    /// The scope of the API key does not cover the action.
    #[error("the API key {key} of {account} has no scope for {resource} {action}")]
    OutOfScope {
        /// The key.
        key: ApiKeyId,
        /// Its owner.
        account: AccountId,
        /// The resource of the question.
        resource: String,
        /// The action of the question.
        action: String,
    },
    /// The access matrix does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The guard has no access matrix, so every question is refused.
    #[error("the guard has no access matrix: give it one with `.matrix(…)`")]
    NoMatrix,
    /// The service was built without a guard here, so every request is refused.
    #[error(
        "no guard before this handler: `.app_data(guard.clone())` in actix-web, \
         `.layer(Protect::by(&guard))` in axum"
    )]
    NoGuard,
}

/// The access matrix does not allow the action.
///
/// It prints with the reason. The response to the caller never contains the reason, because the
/// reason would help an attacker.
#[derive(Debug)]
pub struct Denied {
    caller: Claims,
    decision: Decision,
    matrix: Matrix,
}

impl Denied {
    pub(crate) const fn new(caller: Claims, decision: Decision, matrix: Matrix) -> Self {
        Self { caller, decision, matrix }
    }

    /// The refused caller.
    pub const fn caller(&self) -> &Claims {
        &self.caller
    }

    /// The question and the reason of the denial, by the matrix that decided.
    pub fn explanation(&self) -> Explanation<'_> {
        self.matrix.explain(&self.decision)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explanation = self.explanation();
        let Claims { account, role, .. } = &self.caller;
        let resource = explanation.resource.unwrap_or("(unknown)");
        let action = explanation.action.unwrap_or("(unknown)");
        write!(f, "{role} {account}: {resource} {action} {explanation}")
    }
}

impl std::error::Error for Denied {}
