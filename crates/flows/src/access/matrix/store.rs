//! The port of matrix versions and activations, and its values.

use portcullis_audit::Actor;
use portcullis_domain::{Account, AccountId, Role, Timestamp, Username};

use super::role_move::{InvalidMove, MovedAccount, RoleMove};
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::principal::Principal;

/// The port of matrix versions and activations.
pub trait MatrixStore: Send + Sync {
    /// The activation with the highest revision.
    fn newest_activation(&self) -> Result<Option<Activation>, StoreError>;

    /// The activations with the highest revisions first, at most `most`.
    fn activations(&self, most: u32) -> Result<Vec<Activation>, StoreError>;

    /// The version with this number.
    fn version(&self, number: u32) -> Result<Option<Version>, StoreError>;

    /// The versions with the highest numbers first, at most `most`, without their large texts.
    fn versions(&self, most: u32) -> Result<Vec<ListedVersion>, StoreError>;

    /// Stores a text under the next number, unless the same text is stored already, or the
    /// principal no longer matches its credential.
    fn add_version(
        &self,
        text: &str,
        principal: &Principal,
        effects: EffectsOf<'_, Added>,
    ) -> Result<Added, StoreError>;

    /// Activates a version, unless the rule refuses the principal, this revision is taken, or an
    /// account has a role that is not among the roles. Meanwhile no account changes its role or
    /// state, and none is created.
    fn activate(&self, activating: &ActivationRequest<'_>) -> Result<Activated, StoreError>;

    /// The accounts with a role that is not among `roles`, at most `most`, and how many there are.
    fn accounts_with_unknown_role(
        &self,
        roles: &[&str],
        most: u32,
    ) -> Result<(Vec<AccountWithUnknownRole>, u64), StoreError>;
}

/// A version about to be activated.
pub struct ActivationRequest<'a> {
    /// The version and its place in history.
    pub activation: Activation,
    /// The roles that the version has.
    pub roles: &'a [&'a str],
    /// The new roles of accounts whose role it lacks.
    pub moves: &'a [RoleMove],
    /// The most senior role before and after the activation: a move must leave an administrator.
    pub administrators: [&'a Role; 2],
    /// The principal; its account must still have the role and the state of its credential.
    pub principal: &'a Principal,
    /// Checks the principal's account in the transaction; `None` if deleted, or the operator.
    pub rule: &'a dyn Fn(Option<&Account>) -> Result<(), ActivationRefusal>,
    /// The effects to record, for the result and the time of the transaction.
    pub effects: &'a dyn Fn(&Activated, Timestamp) -> Effects,
}

/// The reason why the principal may not activate a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationRefusal {
    /// The account of the principal no longer matches its access token.
    CallerChanged,
    /// The matrix would grant more than the principal has.
    Escalation,
    /// The accounts cannot be moved so.
    InvalidMove(InvalidMove),
    /// An account to move was changed a moment ago: its tokens would be dated ahead of what services accept.
    RoleJustChanged,
}

/// An account with a role that the matrix in force lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountWithUnknownRole {
    /// The account.
    pub id: AccountId,
    /// The user name.
    pub username: Username,
    /// The role.
    pub role: Role,
}

/// One version of the matrix, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number; the first is 1.
    pub number: u32,
    /// The file.
    pub text: String,
    /// The actor that added the version.
    pub by: Actor,
    /// The time at which it was added.
    pub at: Timestamp,
}

/// One version in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The number; the first is 1.
    pub number: u32,
    /// The actor that added the version.
    pub by: Actor,
    /// The time at which it was added.
    pub at: Timestamp,
}

/// The activation of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The revision. The first is 1, without gaps.
    pub revision: u64,
    /// The number of the version.
    pub version: u32,
    /// The actor that activated it.
    pub by: Actor,
    /// The time of the activation.
    pub at: Timestamp,
}

/// The result of adding a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Stored now, under this number.
    New(u32),
    /// Stored before, under this number.
    Known(u32),
    /// Not stored: the account of the principal no longer matches its access token.
    CallerChanged,
}

impl Added {
    /// The number of the version.
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::New(number) | Self::Known(number) => Some(number),
            Self::CallerChanged => None,
        }
    }
}

/// The result of an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// The version is in force, and these accounts have new roles.
    Done(Vec<MovedAccount>),
    /// Another activation took this revision first.
    Superseded,
    /// Accounts have these roles, which the version lacks.
    RolesInUse(Vec<Role>),
    /// The principal may not activate it.
    Refused(ActivationRefusal),
}
