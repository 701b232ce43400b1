//! Why a request goes no further: for the service's log, in full. What the caller is told stands in
//! `problem.rs`, and is less.

use std::fmt;
use std::time::Duration;

use portcullis_access::{Decision, Explanation, Matrix};
use portcullis_domain::AccountId;
use portcullis_token::TokenError;

use crate::Claims;

/// Why a request was refused. It prints as one line for the service's own log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no bearer token.
    #[error("no bearer token")]
    NotAuthenticated,
    /// More than one `Authorization` header: which of them would count?
    #[error("more than one Authorization header")]
    AmbiguousCredentials,
    /// The token does not hold; the caller is not told why.
    #[error(transparent)]
    InvalidToken(TokenError),
    /// The token would hold, had it, its session or its account not been ended.
    #[error("a revoked token of {0}")]
    Revoked(AccountId),
    /// The token holds, but whether it was revoked of late is not known.
    #[error("no word of revocations for {}.{:03} s", .0.as_secs(), .0.subsec_millis())]
    Stale(Duration),
    /// The account can do nothing before its password is changed.
    #[error("the password must be changed first")]
    PasswordMustChange,
    /// The access matrix does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A question was asked of a guard that cannot decide, so the answer is no.
    #[error("the guard has no access matrix: give it one with `.matrix(…)`")]
    NoMatrix,
    /// The service was built without a guard here, so nobody gets in.
    #[error(
        "no guard before this handler: `.app_data(guard.clone())` in actix-web, \
         `.layer(Protect::by(&guard))` in axum"
    )]
    NoGuard,
}

/// The access matrix does not allow it.
///
/// It prints with the reason, which the answer to the caller never has: it would tell them how to
/// ask better.
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

    /// Who was denied.
    pub const fn caller(&self) -> &Claims {
        &self.caller
    }

    /// What was asked and why it was denied, by the matrix that decided.
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
