//! Profile: the holder of an account changes its display name.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, DisplayName};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::account_request::{AccountChecker, FieldError, NameRules};
use crate::principal::Principal;

/// The port of profile changes.
pub trait ProfileStore: Send + Sync {
    /// Replaces the display name and records the effects, if the principal is still entitled to its
    /// account.
    fn change_profile(&self, change: &ProfileChange<'_>) -> Result<ProfileResult, StoreError>;
}

/// A profile change about to be stored.
pub struct ProfileChange<'a> {
    /// The account.
    pub account: AccountId,
    /// The principal that changes it.
    pub principal: &'a Principal,
    /// The new display name; `None` removes it.
    pub display_name: Option<&'a DisplayName>,
    /// The effects to record.
    pub effects: EffectsOf<'a, ProfileResult>,
}

/// The result of a profile change.
#[derive(Debug, PartialEq, Eq)]
pub enum ProfileResult {
    /// Changed, or the same as before.
    Done {
        /// The account before.
        before: Box<Account>,
        /// The account afterwards.
        after: Box<Account>,
    },
    /// The account is gone or inactive, or the session of the principal has ended.
    NotEntitled,
}

/// The reason why the profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The display name breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The account is gone or inactive, or the session of the principal has ended.
    #[error("the principal is not entitled to the account any more")]
    NotEntitled,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes profiles.
pub struct Profiles {
    store: Arc<dyn ProfileStore>,
    checker: Arc<AccountChecker>,
    ambient: Ambient,
}

impl Profiles {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn ProfileStore>,
        checker: Arc<AccountChecker>,
        ambient: Ambient,
    ) -> Self {
        Self { store, checker, ambient }
    }

    /// Changes the display name of the principal's account by the rules of a registration. Records
    /// the old and the new name, if they differ.
    pub fn rename(
        &self,
        principal: &Principal,
        account: AccountId,
        display_name: Option<&str>,
    ) -> Result<Account, ProfileError> {
        let display_name = self.checker.display_name(display_name, NameRules::Strict)?;
        let (kind, outcome) = (EventKind::ProfileChange, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient)
            .about(account)
            .by(principal.actor);
        let event = match principal.session() {
            Some(session) => event.in_session(session),
            None => event,
        };
        let effects = |result: &ProfileResult| match result {
            ProfileResult::Done { before, after } if before != after => {
                event.clone().with(Details::of_account(Some(before), after)).into()
            }
            _ => Effects::default(),
        };
        let display_name = display_name.as_ref();
        let change = ProfileChange { account, principal, display_name, effects: &effects };
        match self.store.change_profile(&change)? {
            ProfileResult::Done { after, .. } => Ok(*after),
            ProfileResult::NotEntitled => Err(ProfileError::NotEntitled),
        }
    }
}
