//! A store that runs a function between two steps of a use case.

use portcullis_domain::{Account, AccountId, NetworkPrefix};
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore,
};
use portcullis_flows::identity::password_change::{
    PasswordChangeStore, PasswordUpdate, PasswordUpdateResult,
};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::device::{DeviceRecord, DeviceStore};
use portcullis_flows::sign_in::lockout::{CounterState, FailureCounter};
use portcullis_flows::sign_in::session_tokens::SessionEnd;
use portcullis_flows::sign_in::{
    ChallengeResult, HashReplacement, Identifier, NewChallenge, OpenChallenge, SessionOpening,
    SessionOpeningResult, SignInStore, StoredCredentials,
};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::{DeviceId, Digest};

/// Before which step it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    SessionOpening,
    Renewing,
    Changing,
    Refusing,
    AccountChange,
}

/// Does `intercept` before that step, and is the real store otherwise.
pub(crate) struct InterceptedStore<S, F> {
    store: S,
    before: Before,
    intercept: F,
}

impl<S, F: Fn(&S)> InterceptedStore<S, F> {
    pub(crate) fn new(store: S, before: Before, intercept: F) -> Self {
        Self { store, before, intercept }
    }

    fn reach(&self, step: Before) -> &S {
        if step == self.before {
            (self.intercept)(&self.store);
        }
        &self.store
    }
}

impl<S: DeviceStore, F: Fn(&S) + Send + Sync> DeviceStore for InterceptedStore<S, F> {
    fn device(
        &self,
        account: AccountId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        self.store.device(account, device)
    }

    fn devices(&self, account: AccountId) -> Result<Vec<DeviceRecord>, StoreError> {
        self.store.devices(account)
    }

    fn forget_device(
        &self,
        account: AccountId,
        device: DeviceId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Option<Revoked>>,
    ) -> Result<Option<Revoked>, StoreError> {
        self.store.forget_device(account, device, ending, effects)
    }
}

impl<S: SignInStore, F: Fn(&S) + Send + Sync> SignInStore for InterceptedStore<S, F> {
    fn credentials(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<StoredCredentials>, StoreError> {
        self.store.credentials(identifier)
    }

    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError> {
        self.store.credentials_of(account)
    }

    fn issue_challenge(&self, challenge: &NewChallenge<'_>) -> Result<ChallengeResult, StoreError> {
        self.store.issue_challenge(challenge)
    }

    fn challenge(&self, token: &Digest) -> Result<Option<OpenChallenge>, StoreError> {
        self.store.challenge(token)
    }

    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError> {
        self.reach(Before::SessionOpening).open(opening)
    }

    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError> {
        self.reach(Before::Renewing).renew_hash(renewal)
    }

    fn refuse(
        &self,
        counter: &FailureCounter,
        policy: &LockoutPolicy,
        network: Option<NetworkPrefix>,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError> {
        self.reach(Before::Refusing).refuse(counter, policy, network, effects)
    }

    fn record_refusal(&self, effects: &Effects) -> Result<(), StoreError> {
        self.reach(Before::Refusing).record_refusal(effects)
    }
}

impl<S: PasswordChangeStore, F: Fn(&S) + Send + Sync> PasswordChangeStore
    for InterceptedStore<S, F>
{
    fn change_password(
        &self,
        change: &PasswordUpdate<'_>,
    ) -> Result<PasswordUpdateResult, StoreError> {
        self.reach(Before::Changing).change_password(change)
    }
}

impl<S: AccountStore, F: Fn(&S) + Send + Sync> AccountStore for InterceptedStore<S, F> {
    fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.store.account(id)
    }
}

impl<S: AccountChangeStore, F: Fn(&S) + Send + Sync> AccountChangeStore for InterceptedStore<S, F> {
    fn change_account(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeResult, StoreError> {
        self.reach(Before::AccountChange).change_account(change)
    }

    fn read_account(
        &self,
        id: AccountId,
        effects: &Effects,
    ) -> Result<Option<Account>, StoreError> {
        self.store.read_account(id, effects)
    }
}
