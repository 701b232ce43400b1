//! Provisioning by the operator: creates single accounts, and imports accounts with hashes of
//! another system.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Origin};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, DisplayName, Email, NetworkList, Role, Username,
};
use portcullis_password::{HashCost, HashError, PasswordHash, Peppers};

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::Effects;
use crate::identity::account_request::{
    AccountChecker, AccountRequest, CheckedAccount, FieldError, NameRules, RegistrationError, keep,
};
use crate::identity::registration::{Creation, NewAccount, RegistrationStore};

/// The port of imports.
pub trait ImportStore: Send + Sync {
    /// Creates all accounts that can be created, in one transaction; returns one result each, in
    /// order.
    fn import(&self, accounts: &[Import]) -> Result<Vec<ImportResult>, StoreError>;
}

/// An account to be imported.
#[derive(Debug)]
pub struct Import {
    /// The account.
    pub account: Account,
    /// Its hash in the other system.
    pub password_hash: PasswordHash,
    /// See [`NewAccount::revision`].
    pub revision: u64,
    /// The effects to record if it is created.
    pub effects: Effects,
}

/// The result of importing an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportResult {
    /// Created, or not: the name or the email is taken.
    Tried(Creation),
    /// An account with this name and email exists already, from an earlier run.
    Present,
}

/// Options of the operator for a new account.
#[derive(Clone, Debug)]
pub struct ProvisioningOptions {
    /// The role.
    pub role: Role,
    /// The kind.
    pub kind: PersonKind,
    /// True if the password must be changed before anything else.
    pub password_must_change: bool,
}

/// A service account to create.
#[derive(Debug)]
pub struct ServiceRequest {
    /// The wanted name.
    pub username: String,
    /// The contact address of the service, unique among accounts.
    pub email: String,
    /// The role.
    pub role: Role,
    /// The source of the command.
    pub origin: Origin,
}

/// The kinds of account that have a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// See [`AccountKind::User`].
    User,
    /// See [`AccountKind::Developer`].
    Developer,
}

impl PersonKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::User, Self::Developer];

    /// The stable text form of the kind of account.
    pub fn as_str(self) -> &'static str {
        AccountKind::from(self).as_str()
    }

    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl From<PersonKind> for AccountKind {
    fn from(kind: PersonKind) -> Self {
        match kind {
            PersonKind::User => Self::User,
            PersonKind::Developer => Self::Developer,
        }
    }
}

/// One row of an import, as typed.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The user name.
    pub username: String,
    /// The email.
    pub email: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The role; the self-registration role when absent.
    pub role: Option<Role>,
    /// bcrypt (`2a`, `2b`, `2y`) or Argon2id in PHC form.
    pub password_hash: String,
}

/// A fault of an import row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A field is malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The hash cannot be used.
    #[error("the password hash cannot be used: {0}")]
    Hash(#[from] HashError),
    /// The bcrypt cost of the hash is too high.
    #[error("the password hash is bcrypt of cost {cost}, and {most} is the most that is taken")]
    BcryptCost {
        /// The cost of the hash.
        cost: u32,
        /// The maximum cost.
        most: u32,
    },
    /// The hash has a pepper that this server does not have.
    #[error("the password hash has a pepper that is not configured here")]
    Pepper,
}

/// Creates and imports accounts.
pub struct Provisioning {
    accounts: Arc<dyn RegistrationStore>,
    imports: Arc<dyn ImportStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
    hashes: ImportableHashes,
    ambient: Ambient,
}

/// The password hashes that an import takes.
#[derive(Clone, Debug)]
pub struct ImportableHashes {
    /// The maximum cost of bcrypt.
    pub max_bcrypt_cost: u32,
    /// The peppers of this server.
    pub peppers: Peppers,
}

impl Provisioning {
    /// Creates the use case from its dependencies.
    pub fn new(
        accounts: Arc<dyn RegistrationStore>,
        imports: Arc<dyn ImportStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
        hashes: ImportableHashes,
        ambient: Ambient,
    ) -> Self {
        Self { accounts, imports, candidates, matrix, hashes, ambient }
    }

    /// Creates one account of any role.
    pub fn create(
        &self,
        request: &AccountRequest,
        options: ProvisioningOptions,
    ) -> Result<Account, RegistrationError> {
        let ProvisioningOptions { role, kind, password_must_change } = options;
        let matrix = self.matrix.load();
        if matrix.matrix.role(role.as_str()).is_none() {
            return Err(RegistrationError::Superseded);
        }
        let CheckedAccount { mut account, password_hash } =
            self.candidates.admit(request, role, NameRules::FormOnly)?;
        account.kind = kind.into();
        account.password_must_change = password_must_change;
        let event = self.candidates.event(EventKind::AccountCreated, &account, &request.origin);
        let event = event.by(Actor::Operator);
        let creation = self.accounts.create(&NewAccount {
            account: &account,
            password_hash: Some(&password_hash),
            revision: matrix.revision,
            must_verify_email: false,
            effects: &event.into(),
        })?;
        Result::from(creation)?;
        Ok(account)
    }

    /// Creates a service account, which has no password.
    pub fn create_service(&self, request: &ServiceRequest) -> Result<Account, RegistrationError> {
        let ServiceRequest { username, email, role, origin } = request;
        let matrix = self.matrix.load();
        if matrix.matrix.role(role.as_str()).is_none() {
            return Err(RegistrationError::Superseded);
        }
        let mut faults = Vec::new();
        let username = keep(Username::parse(username).map_err(FieldError::from), &mut faults);
        let email = keep(Email::parse(email).map_err(FieldError::from), &mut faults);
        let (Some(username), Some(email)) = (username, email) else {
            return Err(RegistrationError::Invalid(faults));
        };
        let account = self.candidates.account(username, email, None, role.clone());
        let account = Account { kind: AccountKind::Service, ..account };
        let event = self.candidates.event(EventKind::AccountCreated, &account, origin);
        let creation = self.accounts.create(&NewAccount {
            account: &account,
            password_hash: None,
            revision: matrix.revision,
            must_verify_email: false,
            effects: &event.by(Actor::Operator).into(),
        })?;
        Result::from(creation)?;
        Ok(account)
    }

    /// Checks one import row, whose role is one of the active matrix; nothing is stored yet.
    pub fn check_row(&self, row: ImportRow, origin: &Origin) -> Result<Import, RowError> {
        let matrix = self.matrix.load();
        let username = Username::parse(&row.username).map_err(FieldError::from)?;
        let email = Email::parse(&row.email).map_err(FieldError::from)?;
        let display_name = row.display_name.as_deref().map(DisplayName::parse).transpose();
        let password_hash = PasswordHash::parse(&row.password_hash)?;
        if let HashCost::Bcrypt { cost } = password_hash.cost()
            && cost > self.hashes.max_bcrypt_cost
        {
            return Err(RowError::BcryptCost { cost, most: self.hashes.max_bcrypt_cost });
        }
        if password_hash.has_other_pepper(&self.hashes.peppers) {
            return Err(RowError::Pepper);
        }
        let now = self.ambient.now();
        let account = Account {
            id: AccountId::generate(now, &*self.ambient.random),
            username,
            email,
            display_name: display_name.map_err(FieldError::DisplayName)?,
            kind: AccountKind::User,
            role: row.role.unwrap_or_else(|| matrix.self_registration_role.clone()),
            is_active: true,
            is_blocked: false,
            email_verified: false,
            password_must_change: false,
            mfa_enabled: false,
            allowed_networks: NetworkList::default(),
            created_at: now,
            last_sign_in_at: None,
        };
        let event = self.candidates.event(EventKind::AccountCreated, &account, origin);
        let effects = event.by(Actor::Operator).into();
        Ok(Import { account, password_hash, revision: matrix.revision, effects })
    }

    /// Stores a batch of checked rows.
    pub fn import(&self, batch: &[Import]) -> Result<Vec<ImportResult>, StoreError> {
        self.imports.import(batch)
    }
}
