//! The password as a proof.
//!
//! One hash is computed in every case: with or without an account, with or without a password.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::Outcome;
use portcullis_domain::AuthenticationMethod;
use portcullis_password::{HashingPool, Overloaded, Password, PasswordHash, VerificationResult};

use super::credentials::StoredCredentials;
use super::identifier::Identifier;
use crate::sign_in::hash_cost::HashCosts;
use crate::sign_in::lockout::FailureCounters;

/// Proof of the password of an account.
#[derive(Clone, Debug)]
pub struct PasswordProof {
    /// The hash it matched; invalid once the account has another one.
    pub hash: PasswordHash,
    /// True if that hash is weaker than new ones.
    pub needs_rehash: bool,
}

impl PasswordProof {
    pub(super) const METHOD: AuthenticationMethod = AuthenticationMethod::Password;
}

/// Verifies a password against its hash; `None` if it does not match.
pub(crate) fn verify(
    hashing: &HashingPool,
    address: IpAddr,
    typed: Password,
    hash: PasswordHash,
) -> Result<Option<PasswordProof>, Overloaded> {
    Ok(match hashing.verify(address, typed, hash.clone())? {
        VerificationResult::Match { needs_rehash } => Some(PasswordProof { hash, needs_rehash }),
        VerificationResult::Mismatch => None,
    })
}

/// Verifies passwords and returns proofs.
pub(super) struct PasswordProver {
    pub(super) hashing: Arc<HashingPool>,
    pub(super) costs: Arc<HashCosts>,
    pub(super) counters: FailureCounters,
}

impl PasswordProver {
    /// The account with the proof, or the outcome to record for the refusal.
    pub(super) fn prove(
        &self,
        address: IpAddr,
        typed: Password,
        identifier: &Identifier,
        found: Option<StoredCredentials>,
    ) -> Result<Result<(StoredCredentials, PasswordProof), Outcome>, Overloaded> {
        let stored = match &found {
            Some(found) => found.password_hash().cloned(),
            None => Err(Outcome::UnknownAccount),
        };
        let refusal = stored.as_ref().err().copied();
        let compared = stored.unwrap_or_else(|_| self.decoy(identifier, found.as_ref()));
        let proof = verify(&self.hashing, address, typed, compared)?;
        Ok(match refusal {
            Some(outcome) => Err(outcome),
            None => found.zip(proof).ok_or(Outcome::WrongPassword),
        })
    }

    /// Computes a hash with the cost of verifying that of some account.
    fn decoy(&self, identifier: &Identifier, found: Option<&StoredCredentials>) -> PasswordHash {
        let account = found.map(|found| found.account.id);
        let cost = self.counters.cost_of(identifier.key(), account);
        let hasher = self.hashing.hasher();
        hasher.decoy(self.costs.draw(&cost, hasher))
    }
}
