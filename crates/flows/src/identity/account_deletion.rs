//! Deletion of accounts: by their holder, an administrator, or an operator.
//!
//! The account, its sessions, its secrets and its waiting mails are deleted in one transaction, and
//! its access tokens are revoked. The audit log keeps its entries: they are evidence, and name the
//! account by an id that is never used again. The owner of the address gets a notice.
//!
//! The holder proves its password. A wrong password counts as a failure of the session, as at a
//! password change. An account without a password needs the recent sign-in that the route requires.

use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Account, AccountId, Ambient, ExposeSecret, SecretString};
use portcullis_password::{HashingError, HashingPool, Password};

use crate::StoreError;
use crate::access::matrix::{ActiveMatrix, MatrixInForce};
use crate::access::permission;
use crate::effects::{Effects, Message, Recipient};
use crate::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountRuleResult, AccountState,
    AccountUpdate, ChangeError, ChangeKind, CurrentPassword, Refusal, acting_account, check_rules,
    still_permitted,
};
use crate::identity::password_change::PasswordChangeStore;
use crate::node::mail::Mail;
use crate::node::revocation::Enforcement;
use crate::principal::Principal;
use crate::sign_in::lockout::Lockout;
use crate::sign_in::{StoredPassword, verify};

/// The port of deletions.
pub trait AccountDeletionStore: AccountChangeStore + PasswordChangeStore {}

impl<S: AccountChangeStore + PasswordChangeStore> AccountDeletionStore for S {}

/// The reason why the account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The holders of accounts do not delete them at this server.
    #[error("accounts are deleted by administrators only")]
    NotAllowed,
    /// The current password is missing or wrong, or there are too many failures: not distinguished.
    #[error("the current password is not right")]
    WrongPassword,
    /// The password has more than 1,024 bytes; nothing else was checked.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// A rule of account changes refuses the deletion.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The password could not be verified now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes accounts.
pub struct AccountDeletions {
    store: Arc<dyn AccountDeletionStore>,
    matrix: Arc<ActiveMatrix>,
    enforcement: Enforcement,
    ambient: Ambient,
}

/// Deletes the account of the caller.
pub struct OwnDeletion {
    deletions: AccountDeletions,
    hashing: Arc<HashingPool>,
    lockout: Lockout,
    is_allowed: bool,
}

impl AccountDeletions {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn AccountDeletionStore>,
        matrix: Arc<ActiveMatrix>,
        enforcement: Enforcement,
        ambient: Ambient,
    ) -> Self {
        Self { store, matrix, enforcement, ambient }
    }

    /// Deletes an account by the rules of account changes, as for its deactivation. An operator is
    /// bound by one rule: an administrator remains.
    pub fn delete(&self, principal: &Principal, account: AccountId) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::DELETE_ACCOUNT])?;
        let rules = |state: &AccountState| {
            let gone = Account { is_active: false, ..state.account.clone() };
            check_rules(state, principal, &matrix, &gone)
        };
        self.carry_out(principal, account, None, &matrix, &rules)
    }

    fn carry_out(
        &self,
        principal: &Principal,
        account: AccountId,
        password: Option<&CurrentPassword<'_>>,
        matrix: &MatrixInForce,
        rules: &dyn Fn(&AccountState) -> Result<(), Refusal>,
    ) -> Result<(), ChangeError> {
        let kind = EventKind::AccountDeleted;
        let rule = |state: &AccountState| {
            let result = rules(state);
            let outcome = result.map_or_else(Refusal::outcome, |()| Outcome::Success);
            let (origin, random) = (&principal.origin, &self.ambient.random);
            let event = SecurityEvent::new(kind, outcome, origin, state.now, &**random)
                .about(account)
                .by(principal.actor);
            let email = state.account.email.clone();
            let notice = Message::about(
                &event,
                Recipient::Address { email, account: None },
                Mail::AccountDeleted { address: origin.address },
                &**random,
            );
            let effects = move |changed: &AccountChangeResult| match changed {
                AccountChangeResult::Done { .. } => {
                    Effects { events: vec![event.ending(changed.ended())], messages: vec![notice] }
                }
                _ => event.into(),
            };
            let update = |()| AccountUpdate {
                after: state.account.clone(),
                tokens_valid_from: None,
                ends_sessions: Some(kind),
                password_hash: None,
                removes_factors: false,
            };
            AccountRuleResult { result: result.map(update), effects: Box::new(effects) }
        };
        let changed = self.store.change_account(&AccountChange {
            kind: ChangeKind::Deletion,
            account,
            principal,
            password,
            revision: matrix.revision,
            administrators: &matrix.admin,
            rule: &rule,
            revoked_for: self.enforcement.revoked_for(),
        })?;
        changed.enforced(&self.enforcement).map(drop)
    }
}

impl OwnDeletion {
    /// Creates the use case from its dependencies.
    pub const fn new(
        deletions: AccountDeletions,
        hashing: Arc<HashingPool>,
        lockout: Lockout,
        is_allowed: bool,
    ) -> Self {
        Self { deletions, hashing, lockout, is_allowed }
    }

    /// Deletes the account of the principal, unless it is the last administrator.
    pub fn delete(
        &self,
        principal: &Principal,
        current: Option<&SecretString>,
    ) -> Result<(), DeletionError> {
        if !self.is_allowed {
            return Err(DeletionError::NotAllowed);
        }
        let (Some(account), Some(session)) = (principal.account(), principal.session()) else {
            return Err(ChangeError::Unknown.into());
        };
        let current = current.map(|typed| Password::parse(typed.expose_secret())).transpose();
        let current = current.map_err(|_| DeletionError::PasswordTooLong)?;
        let store = &self.deletions.store;
        let found = store.credentials_of(account)?.ok_or(ChangeError::Unknown)?;
        let counter = self.lockout.counters.of_session(session);
        let proof = match found.password {
            StoredPassword::Hash(stored) => {
                let Some(current) = current else { return Err(DeletionError::WrongPassword) };
                let address = principal.origin.address;
                let proof = verify(&self.hashing, address, current, stored);
                let Some(proof) = proof.map_err(HashingError::from)? else {
                    let event = self.failure(principal, account);
                    store.refuse(&counter, &self.lockout.policy, &|state| state.refusal(&event))?;
                    return Err(DeletionError::WrongPassword);
                };
                Some(proof)
            }
            StoredPassword::None => None,
            StoredPassword::Damaged(_) => return Err(DeletionError::WrongPassword),
        };
        let password = proof.as_ref().map(|proof| CurrentPassword { proof, counter: &counter });
        let matrix = self.deletions.matrix.load();
        let rules = |state: &AccountState| {
            acting_account(state, principal)?;
            state.keeps_an_administrator(&matrix)
        };
        let deleted =
            self.deletions.carry_out(principal, account, password.as_ref(), &matrix, &rules);
        deleted.map_err(|error| match error {
            ChangeError::Refused(Refusal::NotProven(_)) => DeletionError::WrongPassword,
            error => error.into(),
        })
    }

    fn failure(&self, principal: &Principal, account: AccountId) -> SecurityEvent {
        let Ambient { random, .. } = &self.deletions.ambient;
        let (kind, outcome) = (EventKind::AccountDeleted, Outcome::WrongPassword);
        let now = self.deletions.ambient.now();
        let event = SecurityEvent::new(kind, outcome, &principal.origin, now, &**random);
        SecurityEvent { session: principal.session(), ..event.about(account).by(principal.actor) }
    }
}
