use std::sync::Arc;

use portcullis_domain::{Clock, Role, SecureRandom};
use portcullis_flows::account::{AccountStore, Accounts};
use portcullis_flows::bootstrap::{Bootstrap, BootstrapStore};
use portcullis_flows::candidate::{AccountRules, Candidates};
use portcullis_flows::grant::{Issuer, SessionPolicy};
use portcullis_flows::health::HealthStore;
use portcullis_flows::lockout::{Budgets, LockoutPolicy};
use portcullis_flows::new_password::NewPasswords;
use portcullis_flows::password_change::{PasswordChange, PasswordChangeStore};
use portcullis_flows::refresh::{Refresh, RefreshStore};
use portcullis_flows::registration::{Registration, RegistrationStore};
use portcullis_flows::sign_in::{SignIn, SignInStore};
use portcullis_flows::sign_out::{SignOut, SignOutStore};
use portcullis_password::{HashingPool, Policy};
use portcullis_token::{
    CsrfKey, Lifetimes, Purpose, RevocationSet, SecretKey, TokenAuthority, TokenSettings,
};

/// Everything the routes of this version need from storage.
pub trait Storage:
    RegistrationStore
    + SignInStore
    + RefreshStore
    + SignOutStore
    + PasswordChangeStore
    + AccountStore
    + BootstrapStore
    + HealthStore
    + 'static
{
}

impl<S> Storage for S where
    S: RegistrationStore
        + SignInStore
        + RefreshStore
        + SignOutStore
        + PasswordChangeStore
        + AccountStore
        + BootstrapStore
        + HealthStore
        + 'static
{
}

/// What the use cases are made of.
pub struct Parts<S> {
    /// The database.
    pub store: Arc<S>,
    /// The pool that hashes passwords.
    pub hashing: Arc<HashingPool>,
    /// The one secret; every key is derived from it.
    pub secret: SecretKey,
    /// The JWT claim `iss`.
    pub issuer: String,
    /// The JWT claim `aud` of access tokens.
    pub audience: String,
    /// How long sessions and tokens live.
    pub sessions: SessionPolicy,
    /// How failed sign-ins slow further ones down.
    pub lockout: LockoutPolicy,
    /// The rules for new accounts.
    pub accounts: AccountRules,
    /// What passwords must be like.
    pub passwords: Policy,
    /// The most senior role.
    pub admin: Role,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn SecureRandom>,
}

/// The use cases behind the routes, and what the guards check with.
pub struct Services {
    /// `register`.
    pub registration: Registration,
    /// `login`.
    pub sign_in: SignIn,
    /// `refresh`.
    pub refresh: Refresh,
    /// `logout`.
    pub sign_out: SignOut,
    /// `password/change`.
    pub password_change: PasswordChange,
    /// `me`.
    pub accounts: Arc<Accounts>,
    /// `setup`.
    pub bootstrap: Bootstrap,
    /// Where passwords are hashed.
    pub hashing: Arc<HashingPool>,
    /// `health/ready`.
    pub health: Arc<dyn HealthStore>,
    /// Verifies access tokens.
    pub authority: Arc<TokenAuthority>,
    /// Access tokens that look valid but are not.
    pub revocations: Arc<RevocationSet>,
    /// Issues and verifies CSRF tokens.
    pub csrf: CsrfKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for nonces and request ids.
    pub random: Arc<dyn SecureRandom>,
}

impl Services {
    /// Puts the parts together.
    pub fn new<S: Storage>(parts: Parts<S>) -> Self {
        let Parts { store, secret, sessions, clock, random, .. } = parts;
        let hashing = Arc::clone(&parts.hashing);
        let authority = Arc::new(TokenAuthority::new(
            &secret,
            &TokenSettings {
                issuer: parts.issuer,
                audience: parts.audience,
                lifetimes: Lifetimes {
                    access: sessions.access_lifetime,
                    refresh: sessions.refresh_lifetime,
                    device: portcullis_flows::sign_in::DEVICE_LIFETIME,
                },
            },
        ));
        let revocations = Arc::new(RevocationSet::default());
        let issuer = Issuer::new(authority.clone(), revocations.clone(), sessions);
        let budgets = Budgets::new(secret.derive(Purpose::SignInFailures));
        let new_passwords = NewPasswords::new(parts.passwords, hashing.clone(), random.clone());
        let candidates = Arc::new(Candidates::new(
            parts.accounts,
            new_passwords.clone(),
            clock.clone(),
            random.clone(),
        ));
        Self {
            registration: Registration::new(store.clone(), candidates.clone()),
            sign_in: SignIn::new(
                store.clone(),
                hashing.clone(),
                issuer.clone(),
                budgets.clone(),
                parts.lockout.clone(),
                clock.clone(),
                random.clone(),
            ),
            refresh: Refresh::new(store.clone(), issuer.clone(), clock.clone(), random.clone()),
            sign_out: SignOut::new(store.clone(), issuer.clone(), clock.clone(), random.clone()),
            password_change: PasswordChange::new(
                store.clone(),
                hashing,
                new_passwords,
                issuer,
                budgets,
                parts.lockout,
                clock.clone(),
                random.clone(),
            ),
            accounts: Arc::new(Accounts::new(store.clone())),
            bootstrap: Bootstrap::new(
                store.clone(),
                candidates,
                parts.admin,
                clock.clone(),
                random.clone(),
            ),
            hashing: parts.hashing,
            health: store,
            authority,
            revocations,
            csrf: CsrfKey::new(&secret),
            clock,
            random,
        }
    }
}
