//! Rehash: replaces a weak hash by a stronger one of the same password after a sign-in.
//!
//! It runs only after the session is open: otherwise its duration would tell an attacker, who
//! guesses during a wait that counts no guesses, that the password was right.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, HashParameters, Origin, Outcome};
use portcullis_domain::{AccountId, Ambient};
use portcullis_password::{HashCost, HashingPool, Password};

use super::password::PasswordProof;
use super::store::{HashReplacement, SignInStore};
use crate::effects::event_now;

/// Replaces weak hashes.
pub(super) struct Rehash {
    pub(super) store: Arc<dyn SignInStore>,
    pub(super) hashing: Arc<HashingPool>,
    pub(super) ambient: Ambient,
}

impl Rehash {
    /// Replaces a weak hash by a stronger one. A failure has no consequence: the session is open,
    /// and the next sign-in tries again.
    pub(super) fn renew(
        &self,
        account: AccountId,
        typed: Password,
        proof: &PasswordProof,
        origin: &Origin,
    ) {
        let renewed = match self.hashing.hash(origin.address, typed, &*self.ambient.random) {
            Ok(renewed) => renewed,
            Err(error) => return tracing::warn!(%error, %account, "a weak hash stays"),
        };
        let kind = EventKind::PasswordRehashed;
        let (before, after) = (parameters(proof.hash.cost()), parameters(renewed.cost()));
        let effects = event_now(kind, Outcome::Success, origin, &self.ambient)
            .about(account)
            .with(Details::Rehash { before, after })
            .into();
        let renewal = HashReplacement { account, proof, renewed: &renewed, effects: &effects };
        if let Err(error) = self.store.renew_hash(&renewal) {
            tracing::warn!(%error, %account, "a weak hash stays");
        }
    }
}

const fn parameters(cost: HashCost) -> HashParameters {
    match cost {
        HashCost::Bcrypt { cost } => HashParameters::Bcrypt { cost },
        HashCost::Argon2id { memory_kib, iterations, parallelism } => {
            HashParameters::Argon2id { memory_kib, iterations, parallelism }
        }
    }
}
