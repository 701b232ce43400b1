//! A password somebody wants to have: judged and hashed, in one job of the bounded pool, because both
//! cost enough for a flood of them to starve the rest.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_domain::SecureRandom;
use portcullis_password::{Context, HashingError, HashingPool, Password, PasswordHash, Policy};

use crate::identity::field_error::FieldError;

/// Judges and hashes new passwords.
#[derive(Clone)]
pub struct NewPasswords {
    policy: Policy,
    hashing: Arc<HashingPool>,
    random: Arc<dyn SecureRandom>,
}

/// Whose password it will be: what it must not mainly consist of.
#[derive(Clone, Debug)]
pub struct About {
    /// The user name, as typed.
    pub username: String,
    /// The email, as typed.
    pub email: String,
    /// What to call the person, as typed.
    pub display_name: Option<String>,
}

/// How much of the work is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What is wrong with the password, and its hash if nothing is.
    Hash,
    /// What is wrong with it; no hash.
    Judgement,
}

impl NewPasswords {
    /// A judge by this policy, working on this pool.
    pub fn new(policy: Policy, hashing: Arc<HashingPool>, random: Arc<dyn SecureRandom>) -> Self {
        Self { policy, hashing, random }
    }

    /// Every rule that the password breaks; or its hash, where wanted.
    pub fn judge(
        &self,
        address: IpAddr,
        password: Password,
        about: About,
        wanted: Wanted,
    ) -> Result<Result<Option<PasswordHash>, Vec<FieldError>>, HashingError> {
        let (policy, random) = (self.policy.clone(), Arc::clone(&self.random));
        let judged = self.hashing.run(address, move |hasher, scratch| {
            let context = Context {
                username: &about.username,
                email: &about.email,
                display_name: about.display_name.as_deref(),
            };
            policy.check(&password, &context).map(|()| match wanted {
                Wanted::Judgement => Ok(None),
                Wanted::Hash => hasher.hash(&password, &*random, scratch).map(Some),
            })
        })?;
        Ok(match judged {
            Ok(hashed) => Ok(hashed?),
            Err(broken) => Err(broken.into_iter().map(FieldError::Password).collect()),
        })
    }
}
