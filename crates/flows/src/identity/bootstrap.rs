//! Bootstrap: the first administrator.
//!
//! Either the configuration names one, or the first start prints a one-time setup token. The first
//! registered account does not become administrator: both ways need something that only the
//! operator has, and both close permanently once one of them, or the command line, has created an
//! administrator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Account, Ambient, ExposeSecret, Role, SecretString, Timestamp};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::event_now;
use crate::identity::account_request::{
    AccountChecker, AccountRequest, CheckedAccount, NameRules, RegistrationError,
};
use crate::identity::registration::{Creation, NewAccount};

/// The port of the setup.
pub trait BootstrapStore: Send + Sync {
    /// True if setup is open: no administrator exists and none was ever set up.
    fn awaits_setup(&self, admin: &Role) -> Result<bool, StoreError>;

    /// Stores this as the only setup token and replaces any earlier one, unless setup is closed.
    fn offer_setup(&self, token: &Digest, now: Timestamp) -> Result<(), StoreError>;

    /// Creates the first administrator and closes setup, if it is open; with a token only if that
    /// is the stored one. An account that cannot be created leaves setup open.
    fn set_up(
        &self,
        token: Option<&Digest>,
        new: &NewAccount<'_>,
    ) -> Result<SetupResult, StoreError>;

    /// Records a refused setup.
    fn record_refusal(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// The result of a setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupResult {
    /// The account was created, or could not be.
    Tried(Creation),
    /// Setup is closed, or this is not its token.
    Closed,
}

/// The reason why no administrator was set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Setup is closed, or this is not its token.
    #[error("the setup token is not valid")]
    InvalidToken,
    /// The account is not acceptable.
    #[error(transparent)]
    Account(#[from] RegistrationError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a start for the first administrator.
#[derive(Debug)]
pub enum BootstrapState {
    /// Nothing was to be done.
    Ready,
    /// The configured administrator was created and must change the password.
    Created(Box<Account>),
    /// Setup is open for the holder of this token.
    Awaiting(OpaqueSecret),
}

/// Creates the first administrator.
pub struct Bootstrap {
    store: Arc<dyn BootstrapStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
    was_open: AtomicBool,
    ambient: Ambient,
}

impl Bootstrap {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn BootstrapStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
        ambient: Ambient,
    ) -> Self {
        Self { store, candidates, matrix, was_open: AtomicBool::new(false), ambient }
    }

    /// Called at every start, on every node.
    pub fn start(&self, configured: Option<&AccountRequest>) -> Result<BootstrapState, SetupError> {
        if !self.is_open()? {
            return Ok(BootstrapState::Ready);
        }
        let Some(request) = configured else {
            let token = OpaqueSecret::mint(&*self.ambient.random);
            self.store.offer_setup(&token.digest(), self.ambient.now())?;
            return Ok(BootstrapState::Awaiting(token));
        };
        match self.create(None, request, true) {
            Ok(account) => Ok(BootstrapState::Created(Box::new(account))),
            // Another node was first.
            Err(SetupError::InvalidToken) => {
                self.was_open.store(false, Ordering::Relaxed);
                Ok(BootstrapState::Ready)
            }
            Err(error) => Err(error),
        }
    }

    /// True if setup is open.
    pub fn is_open(&self) -> Result<bool, StoreError> {
        let is_open = self.store.awaits_setup(&self.matrix.load().admin)?;
        self.was_open.store(is_open, Ordering::Relaxed);
        Ok(is_open)
    }

    /// True if setup was open when this node looked last. It needs no database, and decides only what
    /// pages offer.
    pub fn was_open(&self) -> bool {
        self.was_open.load(Ordering::Relaxed)
    }

    /// Redeems the setup token; every check of the account comes before the token is used up. A wrong
    /// token is recorded.
    pub fn redeem(
        &self,
        token: &SecretString,
        request: &AccountRequest,
    ) -> Result<Account, SetupError> {
        let redeemed = self.redeem_token(token, request);
        if matches!(redeemed, Err(SetupError::InvalidToken)) {
            let (kind, outcome) = (EventKind::Bootstrap, Outcome::Invalid);
            self.store.record_refusal(&event_now(kind, outcome, &request.origin, &self.ambient))?;
        }
        redeemed
    }

    fn redeem_token(
        &self,
        token: &SecretString,
        request: &AccountRequest,
    ) -> Result<Account, SetupError> {
        let token =
            OpaqueSecret::parse(token.expose_secret()).map_err(|_| SetupError::InvalidToken)?;
        if !self.is_open()? {
            return Err(SetupError::InvalidToken);
        }
        self.create(Some(&token.digest()), request, false)
    }

    fn create(
        &self,
        token: Option<&Digest>,
        request: &AccountRequest,
        password_must_change: bool,
    ) -> Result<Account, SetupError> {
        let matrix = self.matrix.load();
        let CheckedAccount { account, password_hash } =
            self.candidates.admit(request, matrix.admin.clone(), NameRules::FormOnly)?;
        let account = Account { password_must_change, ..account };
        let event = self.candidates.event(EventKind::Bootstrap, &account, &request.origin);
        let new = NewAccount {
            account: &account,
            password_hash: Some(&password_hash),
            revision: matrix.revision,
            must_verify_email: false,
            effects: &event.into(),
        };
        match self.store.set_up(token, &new)? {
            SetupResult::Closed => Err(SetupError::InvalidToken),
            SetupResult::Tried(creation) => {
                Result::from(creation)?;
                self.was_open.store(false, Ordering::Relaxed);
                Ok(account)
            }
        }
    }
}
