//! Deletion of accounts: by their holder, an administrator, or an operator.
//!
//! The account, its sessions, its secrets and its waiting mails are deleted in one transaction, and
//! its access tokens are revoked. The audit log keeps its entries: they are evidence, and name the
//! account by an id that is never used again. The owner of the address gets a notice.
//!
//! The holder gives its current credential, see [`crate::sign_in::reauthentication`].

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Account, AccountId, Ambient};

use crate::StoreError;
use crate::access::matrix::{ActiveMatrix, MatrixInForce};
use crate::access::permission;
use crate::effects::{Effects, Message, Recipient};
use crate::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountRuleResult, AccountState,
    AccountUpdate, ChangeError, ChangeKind, Refusal, acting_account, check_rules, still_permitted,
};
use crate::identity::password_change::PasswordChangeStore;
use crate::node::mail::Mail;
use crate::node::revocation::Enforcement;
use crate::principal::Principal;
use crate::sign_in::reauthentication::{
    CurrentCredential, Reauthenticated, Reauthentication, ReauthenticationError,
    ReauthenticationRequest,
};

/// The port of deletions.
pub trait AccountDeletionStore: AccountChangeStore + PasswordChangeStore {}

impl<S: AccountChangeStore + PasswordChangeStore> AccountDeletionStore for S {}

/// The reason why the account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The holders of accounts do not delete them at this server.
    #[error("accounts are deleted by administrators only")]
    NotAllowed,
    /// The current credential was not accepted.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// A rule of account changes refuses the deletion.
    #[error(transparent)]
    Change(#[from] ChangeError),
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
    reauthentication: Reauthentication,
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
        reauthenticated: Option<&Reauthenticated>,
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
                ends_sessions: Some(kind),
                ..AccountUpdate::to(state.account.clone())
            };
            AccountRuleResult { result: result.map(update), effects: Box::new(effects) }
        };
        let changed = self.store.change_account(&AccountChange {
            kind: ChangeKind::Deletion,
            account,
            principal,
            part: None,
            reauthenticated,
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
        reauthentication: Reauthentication,
        is_allowed: bool,
    ) -> Self {
        Self { deletions, reauthentication, is_allowed }
    }

    /// Deletes the account of the principal, unless it is the last administrator.
    pub fn delete(
        &self,
        principal: &Principal,
        current: CurrentCredential,
    ) -> Result<(), DeletionError> {
        if !self.is_allowed {
            return Err(DeletionError::NotAllowed);
        }
        let (Some(account), Some(session)) = (principal.account(), principal.session()) else {
            return Err(ChangeError::Unknown.into());
        };
        let origin = principal.origin.clone();
        let request = ReauthenticationRequest { account, session, current, origin };
        let kind = EventKind::AccountDeleted;
        let reauthenticated = self.reauthentication.verify(&request, kind, &Details::None)?;
        let matrix = self.deletions.matrix.load();
        let rules = |state: &AccountState| {
            acting_account(state, principal)?;
            state.keeps_an_administrator(&matrix)
        };
        let deleted =
            self.deletions.carry_out(principal, account, Some(&reauthenticated), &matrix, &rules);
        deleted.map_err(|error| match error {
            ChangeError::Refused(Refusal::NotProven(_)) => {
                ReauthenticationError::WrongPassword.into()
            }
            error => error.into(),
        })
    }
}
