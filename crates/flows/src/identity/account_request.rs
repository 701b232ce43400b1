//! Checks of account requests by the rules of this server, for every way to create an account.

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, DisplayName, Email, ExposeSecret, Moderation,
    NetworkList, ReservedNames, Role, SecretString, Username,
};
use portcullis_password::{HashingError, Password, PasswordHash};

use crate::StoreError;
pub use crate::identity::field_error::FieldError;
use crate::identity::new_password::{About, NewPasswords, PasswordCheckMode};
use crate::sign_in::StoredCredentials;

/// The permitted ways to create accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Every person, for themselves.
    Open,
    /// Everybody with an invitation.
    Invite,
    /// Administrators, for others.
    AdminOnly,
    /// No account over HTTP.
    Closed,
}

impl RegistrationMode {
    /// Refuses a registration without an invitation, unless everybody may register.
    pub(crate) const fn permit_open(self) -> Result<(), RegistrationError> {
        match self {
            Self::Open => Ok(()),
            Self::Invite => Err(RegistrationError::InvitationRequired),
            Self::AdminOnly => Err(RegistrationError::AdministratorsOnly),
            Self::Closed => Err(RegistrationError::Closed),
        }
    }

    /// Refuses invitations, unless people with an invitation may register.
    pub(crate) const fn permit_invited(self) -> Result<(), RegistrationError> {
        match self {
            Self::Open | Self::Invite => Ok(()),
            Self::AdminOnly => Err(RegistrationError::AdministratorsOnly),
            Self::Closed => Err(RegistrationError::Closed),
        }
    }
}

/// The rules of this server for new accounts.
#[derive(Clone, Debug)]
pub struct AccountRules {
    /// The permitted ways to create accounts.
    pub mode: RegistrationMode,
    /// Names that no account may take.
    pub reserved_names: ReservedNames,
    /// Moderation of names; `None` if it is off.
    pub moderation: Option<Moderation>,
}

/// A request for an account, as typed.
#[derive(Debug)]
pub struct AccountRequest {
    /// The wanted name.
    pub username: String,
    /// The owner's address.
    pub email: String,
    /// The wanted password.
    pub password: SecretString,
    /// The display name.
    pub display_name: Option<String>,
    /// The source of the request.
    pub origin: Origin,
}

/// Checks account requests and hashes their passwords; shared by every way to create an account.
pub struct AccountChecker {
    rules: AccountRules,
    new_passwords: NewPasswords,
    ambient: Ambient,
}

/// An account that may be created.
pub struct CheckedAccount {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password_hash: PasswordHash,
}

/// The strictness of the name check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRules {
    /// Reserved and offensive names are refused.
    Strict,
    /// Only the form is checked: for the operator.
    FormOnly,
}

impl AccountChecker {
    /// Creates a checker with these rules.
    pub fn new(rules: AccountRules, new_passwords: NewPasswords, ambient: Ambient) -> Self {
        Self { rules, new_passwords, ambient }
    }

    /// The rules of this checker.
    pub fn rules(&self) -> &AccountRules {
        &self.rules
    }

    /// Checks all fields, returns all faults at once, and hashes the password last.
    pub fn admit(
        &self,
        request: &AccountRequest,
        role: Role,
        names: NameRules,
    ) -> Result<CheckedAccount, RegistrationError> {
        let password = Password::parse(request.password.expose_secret())
            .map_err(|_| RegistrationError::PasswordTooLong)?;
        let mut faults = Vec::new();
        let username = keep(self.username(&request.username, names), &mut faults);
        let email = keep(Email::parse(&request.email).map_err(FieldError::from), &mut faults);
        let display_name =
            keep(self.display_name(request.display_name.as_deref(), names), &mut faults);
        let about = About {
            username: request.username.clone(),
            email: request.email.clone(),
            display_name: request.display_name.clone(),
            present: None,
        };
        // With faults the hash is not needed and not computed; the faults of the password are still
        // returned.
        let purpose =
            if faults.is_empty() { PasswordCheckMode::Hash } else { PasswordCheckMode::CheckOnly };
        let address = request.origin.address;
        let judged = self.new_passwords.judge(address, password, about, purpose)?;
        let password_hash = judged.map_err(|found| faults.extend(found)).ok().flatten();
        let (Some(username), Some(email), Some(display_name), Some(password_hash)) =
            (username, email, display_name, password_hash)
        else {
            return Err(RegistrationError::Invalid(faults));
        };
        let account = self.account(username, email, display_name, role);
        Ok(CheckedAccount { account, password_hash })
    }

    /// A new account of these checked values.
    pub(crate) fn account(
        &self,
        username: Username,
        email: Email,
        display_name: Option<DisplayName>,
        role: Role,
    ) -> Account {
        let now = self.ambient.now();
        Account {
            id: AccountId::generate(now, &*self.ambient.random),
            username,
            email,
            display_name,
            kind: AccountKind::User,
            role,
            is_active: true,
            is_blocked: false,
            email_verified: false,
            password_must_change: false,
            mfa_enabled: false,
            allowed_networks: NetworkList::default(),
            created_at: now,
            last_sign_in_at: None,
        }
    }

    /// Checks and hashes a new password of an account, which must differ from its present one.
    pub fn new_password(
        &self,
        found: &StoredCredentials,
        password: &SecretString,
        origin: &Origin,
    ) -> Result<PasswordHash, RegistrationError> {
        let password = Password::parse(password.expose_secret())
            .map_err(|_| RegistrationError::PasswordTooLong)?;
        let about = About::with_password(found);
        let mode = PasswordCheckMode::Hash;
        let judged = self.new_passwords.judge(origin.address, password, about, mode)?;
        judged.map_err(RegistrationError::Invalid)?.ok_or(RegistrationError::Invalid(Vec::new()))
    }

    /// The event of the new account.
    pub fn event(&self, kind: EventKind, account: &Account, origin: &Origin) -> SecurityEvent {
        let now = account.created_at;
        SecurityEvent::new(kind, Outcome::Success, origin, now, &*self.ambient.random)
            .about(account.id)
            .with(Details::of_account(None, account))
    }

    fn username(&self, text: &str, names: NameRules) -> Result<Username, FieldError> {
        let username = Username::parse(text)?;
        if names == NameRules::Strict {
            if self.rules.reserved_names.contains(&username) {
                return Err(FieldError::UsernameReserved);
            }
            if !self.acceptable(username.as_str()) {
                return Err(FieldError::UsernameOffensive);
            }
        }
        Ok(username)
    }

    /// The display name, checked by the rules of this server.
    pub(crate) fn display_name(
        &self,
        text: Option<&str>,
        names: NameRules,
    ) -> Result<Option<DisplayName>, FieldError> {
        let Some(text) = text else { return Ok(None) };
        let name = DisplayName::parse(text).map_err(FieldError::DisplayName)?;
        if names == NameRules::Strict && !self.acceptable(name.as_str()) {
            return Err(FieldError::DisplayNameOffensive);
        }
        Ok(Some(name))
    }

    fn acceptable(&self, name: &str) -> bool {
        self.rules.moderation.is_none_or(|moderation| moderation.accepts(name))
    }
}

/// The reason why no account was created.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Accounts are created on the command line only.
    #[error("registration is closed")]
    Closed,
    /// Only administrators create accounts.
    #[error("only administrators create accounts")]
    AdministratorsOnly,
    /// An account requires an invitation.
    #[error("registration requires an invitation")]
    InvitationRequired,
    /// The request breaks rules; all faults are listed.
    #[error("the request has {} faults", .0.len())]
    Invalid(Vec<FieldError>),
    /// The password has more than 1,024 bytes; nothing else was checked.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// Another account has that name, or one that looks like it.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Another account has that email.
    #[error("the email is taken")]
    EmailTaken,
    /// Another matrix was activated at the same time.
    #[error("another version of the access matrix was activated at the same time")]
    Superseded,
    /// The password could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn keep<T>(parsed: Result<T, FieldError>, faults: &mut Vec<FieldError>) -> Option<T> {
    parsed.map_err(|fault| faults.push(fault)).ok()
}
