//! The password, as a proof.
//!
//! Whether there is an account, a password, both or neither, one hash is computed.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::Outcome;
use portcullis_domain::AuthenticationMethod;
use portcullis_password::{HashingPool, Overloaded, Password, PasswordHash, VerificationResult};

use super::credentials::StoredCredentials;
use super::identifier::Identifier;
use crate::sign_in::hash_cost::HashCosts;
use crate::sign_in::lockout::FailureCounters;

/// The password of an account was shown.
#[derive(Clone, Debug)]
pub struct PasswordProof {
    /// The hash it matched; void once the account has another one.
    pub hash: PasswordHash,
    /// Whether that hash is weaker than new ones are.
    pub needs_rehash: bool,
}

impl PasswordProof {
    pub(super) const METHOD: AuthenticationMethod = AuthenticationMethod::Password;
}

/// Verifies a password by the hash of it; `None` if it is another one.
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

/// Takes passwords for proofs.
pub(super) struct PasswordProver {
    pub(super) hashing: Arc<HashingPool>,
    pub(super) costs: Arc<HashCosts>,
    pub(super) counters: FailureCounters,
}

impl PasswordProver {
    /// The account with the proof, or how the refusal is recorded.
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

    /// A hash that costs what verifying that of some account does.
    fn decoy(&self, identifier: &Identifier, found: Option<&StoredCredentials>) -> PasswordHash {
        let account = found.map(|found| found.account.id);
        let cost = self.counters.cost_of(identifier.key(), account);
        let hasher = self.hashing.hasher();
        hasher.decoy(self.costs.draw(&cost, hasher))
    }
}
