//! A store in which something happens between two steps of a use case.

use portcullis_domain::AccountId;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::identity::password_change::{Change, Changed, PasswordChangeStore};
use portcullis_flows::sign_in::lockout::{CounterState, LockoutPolicy};
use portcullis_flows::sign_in::{Credentials, Identifier, Opened, Opening, Renewal, SignInStore};
use portcullis_token::Digest;

/// Before which step it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Opening,
    Renewing,
    Changing,
    Refusing,
}

/// Does `meddle` before that step, and is the real store otherwise.
pub(crate) struct Meddling<S, F> {
    store: S,
    before: Before,
    meddle: F,
}

impl<S, F: Fn(&S)> Meddling<S, F> {
    pub(crate) fn new(store: S, before: Before, meddle: F) -> Self {
        Self { store, before, meddle }
    }

    fn reach(&self, step: Before) -> &S {
        if step == self.before {
            (self.meddle)(&self.store);
        }
        &self.store
    }
}

impl<S: SignInStore, F: Fn(&S) + Send + Sync> SignInStore for Meddling<S, F> {
    fn credentials(&self, identifier: &Identifier) -> Result<Option<Credentials>, StoreError> {
        self.store.credentials(identifier)
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, StoreError> {
        self.reach(Before::Opening).open(opening)
    }

    fn renew_hash(&self, renewal: &Renewal<'_>) -> Result<(), StoreError> {
        self.reach(Before::Renewing).renew_hash(renewal)
    }

    fn refuse(
        &self,
        counter: &Digest,
        policy: &LockoutPolicy,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError> {
        self.reach(Before::Refusing).refuse(counter, policy, effects)
    }
}

impl<S: PasswordChangeStore, F: Fn(&S) + Send + Sync> PasswordChangeStore for Meddling<S, F> {
    fn credentials_of(&self, account: AccountId) -> Result<Option<Credentials>, StoreError> {
        self.store.credentials_of(account)
    }

    fn change_password(&self, change: &Change<'_>) -> Result<Changed, StoreError> {
        self.reach(Before::Changing).change_password(change)
    }
}
