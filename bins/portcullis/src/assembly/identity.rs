//! Assembly of accounts: registration, administration, first administrator, password change and reset.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::Ambient;
use portcullis_flows::access::matrix::{ActiveMatrix, Matrices};
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::account_change::AccountChanges;
use portcullis_flows::identity::account_deletion::{AccountDeletions, OwnDeletion};
use portcullis_flows::identity::account_directory::AccountDirectory;
use portcullis_flows::identity::account_request::{AccountChecker, RegistrationError};
use portcullis_flows::identity::bootstrap::{Bootstrap, BootstrapState, SetupError};
use portcullis_flows::identity::disavowal::Disavowals;
use portcullis_flows::identity::email_change::{EmailChange, EmailChangePolicy};
use portcullis_flows::identity::email_verification::{EmailVerification, LinkPolicy};
use portcullis_flows::identity::invitation::Invitations;
use portcullis_flows::identity::network_allowlist::NetworkAllowlists;
use portcullis_flows::identity::new_password::NewPasswords;
use portcullis_flows::identity::own_data::OwnData;
use portcullis_flows::identity::password_change::PasswordChange;
use portcullis_flows::identity::password_reset::PasswordResets;
use portcullis_flows::identity::password_reset_request::PasswordResetRequests;
use portcullis_flows::identity::pending_registration::PendingRegistrations;
use portcullis_flows::identity::profile::Profiles;
use portcullis_flows::identity::provisioning::{ImportableHashes, Provisioning};
use portcullis_flows::identity::registration::Registration;
use portcullis_flows::node::revocation::Enforcement;
use portcullis_flows::sign_in::lockout_directory::LockoutDirectory;
use portcullis_flows::sign_in::session::Sessions;
use portcullis_flows::sign_in::session_directory::SessionDirectory;
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_flows::sign_in::unlock::Lockouts;
use portcullis_password::PoolSettings;
use portcullis_storage::Store;
use portcullis_token::SecretKey;
use portcullis_web::AppData;

use super::audit;
use super::foundation::Foundation;
use super::sign_in::{self, Credentials, breaches, hashing};
use crate::config::Config;
use crate::failure::{self, Failure};

/// Starts the reader of accounts and its thread.
pub(super) fn accounts(
    foundation: &Foundation,
    data: &mut AppData,
) -> Result<Arc<Accounts>, Failure> {
    let accounts = Accounts::start(foundation.store.clone(), foundation.ambient.clock.clone())
        .map_err(failure::no_thread)?;
    let accounts = Arc::new(accounts);
    data.share(accounts.clone());
    Ok(accounts)
}

/// Reads the setup state, and creates the configured administrator if there is none.
pub(super) fn share(
    foundation: &Foundation,
    issuer: &TokenIssuer,
    credentials: &Credentials,
    matrix: &Arc<ActiveMatrix>,
    data: &mut AppData,
) -> Result<BootstrapState, Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let new_passwords = &credentials.new;
    let checker =
        AccountChecker::new(config.accounts.clone(), new_passwords.clone(), ambient.clone());
    let checker = Arc::new(checker);
    let profiles = Profiles::new(store.clone(), checker.clone(), ambient.clone());
    data.share(Arc::new(profiles));
    let own_data =
        OwnData::new(store.clone(), Arc::new(audit::trail(store, ambient)), ambient.clone());
    data.share(Arc::new(own_data));
    let deletions = || account_deletions(store, issuer.enforcement(), matrix, ambient);
    data.share(Arc::new(deletions()));
    data.share(Arc::new(OwnDeletion::new(
        deletions(),
        credentials.reauthentication(foundation),
        config.own_deletion,
    )));
    share_registration(foundation, credentials, &checker, matrix, data);
    let changes = || account_changes(store, issuer.enforcement(), matrix, ambient);
    data.share(Arc::new(changes()));
    share_administration(foundation, issuer, credentials, changes, data);
    data.share(Arc::new(NetworkAllowlists::new(
        changes(),
        credentials.reauthentication(foundation),
        issuer.networks().clone(),
    )));
    data.share(Arc::new(PasswordChange::new(
        store.clone(),
        credentials.hashing.clone(),
        new_passwords.clone(),
        issuer.clone(),
        credentials.lockout.clone(),
        ambient.clone(),
    )));
    data.share(Arc::new(PasswordResetRequests::new(
        store.clone(),
        credentials.lockout.counters.clone(),
        config.mail.resets_per_hour,
        ambient.clone(),
    )));
    data.share(Arc::new(PasswordResets::new(
        store.clone(),
        new_passwords.clone(),
        issuer.clone(),
        credentials.lockout.counters.clone(),
        ambient.clone(),
    )));
    data.share(Arc::new(Disavowals::new(store.clone(), issuer.clone(), ambient.clone())));
    let bootstrap = Bootstrap::new(store.clone(), checker, matrix.clone(), ambient.clone());
    let setup = bootstrap.start(config.admin.as_ref()).map_err(no_administrator)?;
    data.share(Arc::new(bootstrap));
    Ok(setup)
}

/// What administrators see of accounts and change of them, beside the accounts themselves.
fn share_administration(
    foundation: &Foundation,
    issuer: &TokenIssuer,
    credentials: &Credentials,
    changes: impl Fn() -> AccountChanges,
    data: &mut AppData,
) {
    let Foundation { store, ambient, .. } = foundation;
    let counters = &credentials.lockout.counters;
    data.share(Arc::new(AccountDirectory::new(store.clone(), counters.clone(), ambient.clone())));
    data.share(Arc::new(SessionDirectory::new(
        store.clone(),
        Sessions::new(store.clone(), issuer.clone(), ambient.clone()),
        changes(),
        ambient.clone(),
    )));
    let lockouts = Lockouts::new(store.clone(), changes(), counters.clone(), ambient.clone());
    data.share(Arc::new(lockouts));
    data.share(Arc::new(LockoutDirectory::new(store.clone(), ambient.clone())));
}

/// The ways in which people get accounts and verify their addresses.
fn share_registration(
    foundation: &Foundation,
    credentials: &Credentials,
    checker: &Arc<AccountChecker>,
    matrix: &Arc<ActiveMatrix>,
    data: &mut AppData,
) {
    let Foundation { config, store, ambient, .. } = foundation;
    let settings = &config.registration;
    let pending = Arc::new(PendingRegistrations::new(
        store.clone(),
        checker.clone(),
        matrix.clone(),
        settings.pending,
        ambient.clone(),
    ));
    data.share(Arc::new(Registration::new(
        store.clone(),
        checker.clone(),
        matrix.clone(),
        pending.clone(),
        settings.answer,
        ambient.clone(),
    )));
    data.share(Arc::new(invitations(store, config, checker.clone(), matrix, ambient)));
    let links =
        LinkPolicy { lifetime: settings.pending.lifetime, requests: settings.pending.mails };
    let verification = EmailVerification::new(store.clone(), pending, links, ambient.clone());
    data.share(Arc::new(verification));
    data.share(Arc::new(EmailChange::new(
        store.clone(),
        credentials.reauthentication(foundation),
        EmailChangePolicy {
            lifetime: config.mail.delivery.lifetimes.email,
            mails: settings.pending.mails,
        },
        ambient.clone(),
    )));
}

/// Changes of accounts by administrators and operators.
fn account_changes(
    store: &Arc<Store>,
    enforcement: Enforcement,
    matrix: &Arc<ActiveMatrix>,
    ambient: &Ambient,
) -> AccountChanges {
    AccountChanges::new(store.clone(), matrix.clone(), enforcement, ambient.clone())
}

/// Deletions of accounts by administrators and operators.
fn account_deletions(
    store: &Arc<Store>,
    enforcement: Enforcement,
    matrix: &Arc<ActiveMatrix>,
    ambient: &Ambient,
) -> AccountDeletions {
    AccountDeletions::new(store.clone(), matrix.clone(), enforcement, ambient.clone())
}

/// Changes of accounts by the operator, without a server. Running servers read the revocations.
pub(crate) fn changes_by_operator(
    store: &Arc<Store>,
    matrices: &Matrices,
    config: &Config,
) -> AccountChanges {
    let enforcement = Enforcement::of_command(config.sessions.access_lifetime);
    account_changes(store, enforcement, matrices.active(), &Ambient::system())
}

/// Deletions of accounts by the operator, without a server.
pub(crate) fn deletions_by_operator(
    store: &Arc<Store>,
    matrices: &Matrices,
    config: &Config,
) -> AccountDeletions {
    let enforcement = Enforcement::of_command(config.sessions.access_lifetime);
    account_deletions(store, enforcement, matrices.active(), &Ambient::system())
}

/// Lists and details of accounts for the operator.
pub(crate) fn directory(store: &Arc<Store>, secret: &SecretKey) -> AccountDirectory {
    AccountDirectory::new(store.clone(), sign_in::counters(secret), Ambient::system())
}

fn no_administrator(error: SetupError) -> Failure {
    const REMEDY: &str = "change admin.username, ADMIN_EMAIL or ADMIN_PASSWORD";
    match error {
        SetupError::Store(error) => error.into(),
        SetupError::Account(RegistrationError::Invalid(faults)) => Failure::Failed {
            problems: faults.iter().map(ToString::to_string).collect(),
            remedy: REMEDY.to_owned(),
        },
        error => {
            let problem = format!("the configured administrator cannot be created: {error}");
            Failure::failed(problem, REMEDY)
        }
    }
}

/// The checks of accounts that the command line creates: the rules of this server, and one thread for
/// hashing.
pub(crate) fn checker(config: &Config) -> Result<AccountChecker, Failure> {
    let alone = PoolSettings {
        threads: 1,
        queue: 1,
        deadline: Duration::from_secs(60),
        ..PoolSettings::default()
    };
    let ambient = Ambient::system();
    let hashing = Arc::new(hashing(config, alone, ambient.clock.clone())?);
    let breaches = breaches(&config.breaches, ambient.clock.clone())?;
    let policy = config.passwords.clone();
    let new_passwords = NewPasswords::new(policy, hashing, breaches, ambient.random.clone());
    Ok(AccountChecker::new(config.accounts.clone(), new_passwords, ambient))
}

/// The use cases of invitations, with the roles of the matrix in force.
pub(crate) fn invitations(
    store: &Arc<Store>,
    config: &Config,
    checker: Arc<AccountChecker>,
    matrix: &Arc<ActiveMatrix>,
    ambient: &Ambient,
) -> Invitations {
    let lifetime = config.mail.delivery.lifetimes.invitation;
    Invitations::new(store.clone(), checker, matrix.clone(), lifetime, ambient.clone())
}

/// The import of accounts, with the roles of the matrix in force.
pub(crate) fn provisioning(
    store: &Arc<Store>,
    checker: AccountChecker,
    matrices: &Matrices,
    config: &Config,
) -> Provisioning {
    let (accounts, reading) = (store.clone(), store.clone());
    let (checker, matrix) = (Arc::new(checker), matrices.active().clone());
    let hashes = ImportableHashes {
        max_bcrypt_cost: config.hashing.max_bcrypt_cost,
        peppers: config.peppers.clone(),
    };
    Provisioning::new(accounts, reading, checker, matrix, hashes, Ambient::system())
}
