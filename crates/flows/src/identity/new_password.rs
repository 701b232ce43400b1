//! New passwords: checked against the policy and hashed in one job of the hashing pool.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_domain::{Account, SecureRandom};
use portcullis_password::{
    BreachDigest, Context, HashingError, HashingPool, Password, PasswordHash, Policy,
    VerificationResult, Violation,
};

use crate::identity::breach_check::{BreachCheckResult, BreachChecks};
use crate::identity::field_error::FieldError;
use crate::sign_in::StoredCredentials;

/// Checks and hashes new passwords. Both are expensive, so both run in the bounded pool.
#[derive(Clone)]
pub struct NewPasswords {
    policy: Policy,
    hashing: Arc<HashingPool>,
    breaches: Arc<BreachChecks>,
    random: Arc<dyn SecureRandom>,
}

/// The owner of the password: data that the password must not mainly consist of.
#[derive(Clone, Debug)]
pub struct About {
    /// The user name, as typed.
    pub username: String,
    /// The email, as typed.
    pub email: String,
    /// The display name, as typed.
    pub display_name: Option<String>,
    /// The hash of the present password, which the new one must not match.
    pub present: Option<PasswordHash>,
}

impl About {
    /// The owner is this account.
    pub fn account(account: &Account) -> Self {
        Self {
            username: account.username.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.as_ref().map(|name| name.as_str().to_owned()),
            present: None,
        }
    }

    /// The owner is this account, and the new password must differ from the present one.
    pub(crate) fn with_password(found: &StoredCredentials) -> Self {
        let present = found.password_hash().ok().cloned();
        Self { present, ..Self::account(&found.account) }
    }
}

/// The requested work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheckMode {
    /// The faults of the password, and its hash if there are none.
    Hash,
    /// The faults only; no hash.
    CheckOnly,
}

impl NewPasswords {
    /// Creates a checker with this policy, this pool and these lists of breached passwords.
    pub fn new(
        policy: Policy,
        hashing: Arc<HashingPool>,
        breaches: Arc<BreachChecks>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { policy, hashing, breaches, random }
    }

    /// All rules that the password breaks, or else its hash, if requested.
    pub fn judge(
        &self,
        address: IpAddr,
        password: Password,
        about: About,
        wanted: PasswordCheckMode,
    ) -> Result<Result<Option<PasswordHash>, Vec<FieldError>>, HashingError> {
        let digest = BreachDigest::of(&password);
        let (policy, random) = (self.policy.clone(), Arc::clone(&self.random));
        let judged = self.hashing.run(address, move |hasher, scratch| {
            let context = Context {
                username: &about.username,
                email: &about.email,
                display_name: about.display_name.as_deref(),
            };
            let broken = policy.check(&password, &context).err().into_iter().flatten();
            let mut faults: Vec<_> = broken.map(FieldError::Password).collect();
            if let Some(present) = &about.present
                && matches!(
                    hasher.verify(&password, present, scratch),
                    VerificationResult::Match { .. }
                )
            {
                faults.push(FieldError::PasswordUnchanged);
            }
            match wanted {
                _ if !faults.is_empty() => Err(faults),
                PasswordCheckMode::CheckOnly => Ok(Ok(None)),
                PasswordCheckMode::Hash => Ok(hasher.hash(&password, &*random, scratch).map(Some)),
            }
        })?;
        let hashed = match judged {
            Ok(hashed) => hashed?,
            Err(faults) => return Ok(Err(faults)),
        };
        // A password that breaks a rule anyway is not worth a request; and no thread of the pool
        // waits for one.
        Ok(match self.breaches.check(&digest) {
            BreachCheckResult::Listed => Err(vec![FieldError::Password(Violation::Breached)]),
            BreachCheckResult::NotListed | BreachCheckResult::Unknown => Ok(hashed),
            BreachCheckResult::Unreadable => return Err(HashingError::UnreadableList),
        })
    }
}
