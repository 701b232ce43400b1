//! Administration of accounts: role, activation, end of sessions, removal of second factors, unlocking.
//!
//! A change is checked in the transaction that writes it, against the accounts and the active
//! matrix of that moment. So if two administrators deactivate each other concurrently, one remains.
//! The rules: an account that is senior to the caller cannot be changed, no account is raised above
//! the caller, no caller changes its own account, and an administrator remains. Refused attempts
//! are recorded too.
//!
//! The time is read in that transaction too, after the locks: a change that has waited is dated
//! when it happens, and no token issued while it waited is dated later.

mod networks;
mod part;
mod rule;

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, ApiKeyId, Role, SessionId, Timestamp,
};
use portcullis_password::PasswordHash;

pub use self::rule::{AccountState, AccountUpdate, Refusal, tokens_valid_from};
pub(crate) use self::rule::{acting_account, check_rules, refuse_own_account};
use crate::StoreError;
use crate::access::matrix::{ActiveMatrix, MatrixInForce};
use crate::access::permission::{self, Permission};
use crate::effects::Effects;
use crate::identity::account::AccountStore;
use crate::node::mail::Mail;
use crate::node::revocation::{Enforcement, Revoked};
use crate::principal::Principal;
use crate::sign_in::reauthentication::Reauthenticated;

/// The port of account changes.
pub trait AccountChangeStore: AccountStore {
    /// Passes the accounts to the rule and applies its result, in one transaction. Meanwhile no
    /// other change of this kind happens and no other matrix is activated.
    fn change_account(&self, change: &AccountChange<'_>)
    -> Result<AccountChangeResult, StoreError>;

    /// The account; the effects are recorded if it exists.
    fn read_account(&self, id: AccountId, effects: &Effects)
    -> Result<Option<Account>, StoreError>;
}

/// A change about to be checked.
pub struct AccountChange<'a> {
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The account to change.
    pub account: AccountId,
    /// The principal that changes it.
    pub principal: &'a Principal,
    /// The part of the account that ends with the change, if there is one.
    pub part: Option<AccountPart>,
    /// The verified credential of its holder, if the change needs one.
    pub reauthenticated: Option<&'a Reauthenticated>,
    /// The activation of the matrix that the rule uses.
    pub revision: u64,
    /// The role of which an active holder must remain.
    pub administrators: &'a Role,
    /// Returns the result of the rules.
    pub rule: &'a dyn Fn(&AccountState) -> AccountRuleResult,
    /// The time for which the access tokens that become invalid must be refused.
    pub revoked_for: Duration,
}

/// The kind of an account change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The account stays, with other values.
    Update,
    /// The account is deleted, with everything that belongs to it outside the audit log.
    Deletion,
}

/// A part of an account that ends alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountPart {
    /// A live session, for the reason of the update.
    Session(SessionId),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// The result of the rules: the update or the refusal, and the effects to record.
pub struct AccountRuleResult {
    /// The update or the refusal.
    pub result: Result<AccountUpdate, Refusal>,
    /// The effects to record in both cases.
    pub effects: Box<dyn FnOnce(&AccountChangeResult) -> Effects>,
}

/// The result of a change.
#[derive(Debug)]
pub enum AccountChangeResult {
    /// Applied.
    Done {
        /// The account afterwards.
        account: Box<Account>,
        /// The ended sessions and the invalid access tokens.
        revoked: Revoked,
    },
    /// Refused; the effects of the rule are recorded.
    Refused(Refusal),
    /// There is no such account, or it has no such part.
    Unknown,
    /// Another matrix was activated; nothing was checked.
    Superseded,
}

impl AccountChangeResult {
    pub(crate) fn ended(&self) -> usize {
        match self {
            Self::Done { revoked, .. } => revoked.session_count(),
            _ => 0,
        }
    }

    /// The account afterwards; its revoked tokens are refused from here on.
    pub(crate) fn enforced(self, enforcement: &Enforcement) -> Result<Account, ChangeError> {
        match self {
            Self::Done { account, revoked } => {
                enforcement.enforce(revoked);
                Ok(*account)
            }
            Self::Refused(refusal) => Err(refusal.into()),
            Self::Unknown => Err(ChangeError::Unknown),
            Self::Superseded => Err(ChangeError::Superseded),
        }
    }
}

/// The changes of an account patch.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// The name of the new role.
    pub role: Option<String>,
    /// True to activate, false to deactivate.
    pub is_active: Option<bool>,
    /// True if the holder must change the password.
    pub demands_password: bool,
}

/// The reason why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such account, or it has no such session or API key.
    #[error("there is no such account")]
    Unknown,
    /// The active matrix has no such role; these are its roles.
    #[error("there is no such role")]
    UnknownRole(Vec<String>),
    /// A rule refuses the change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another matrix was activated at the same time.
    #[error("another version of the access matrix was activated at the same time")]
    Superseded,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes accounts and ends their sessions.
pub struct AccountChanges {
    store: Arc<dyn AccountChangeStore>,
    matrix: Arc<ActiveMatrix>,
    enforcement: Enforcement,
    ambient: Ambient,
}

impl AccountChanges {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn AccountChangeStore>,
        matrix: Arc<ActiveMatrix>,
        enforcement: Enforcement,
        ambient: Ambient,
    ) -> Self {
        Self { store, matrix, enforcement, ambient }
    }

    /// The account as stored. The reading is recorded.
    pub fn read(
        &self,
        principal: &Principal,
        id: AccountId,
    ) -> Result<Option<Account>, StoreError> {
        let now = self.ambient.now();
        let event = self.event(EventKind::AccountRead, Outcome::Success, principal, id, now);
        self.store.read_account(id, &event.into())
    }

    /// Changes role and activation, and demands a change of the password. A new role and this demand are
    /// in every access token: those without them become invalid, and the sessions stay. A deactivated
    /// account loses its sessions for good.
    pub fn change(
        &self,
        principal: &Principal,
        account: AccountId,
        patch: &AccountPatch,
    ) -> Result<Account, ChangeError> {
        let matrix = self.matrix.load();
        let role =
            patch.role.as_deref().map(|word| known_role(&matrix.matrix, word)).transpose()?;
        still_permitted(principal, &matrix, &patch.takes())?;
        let judging = |account_state: &AccountState| {
            let before = &account_state.account;
            let after = Account {
                role: role.clone().unwrap_or_else(|| before.role.clone()),
                is_active: patch.is_active.unwrap_or(before.is_active),
                password_must_change: before.password_must_change || patch.demands_password,
                ..before.clone()
            };
            self.judge_change(principal, &matrix, account_state, after)
        };
        self.carry_out(principal, &matrix, account, None, &judging)
    }

    /// Gives the account a new password, which its holder must change if `must_change`. Ends every
    /// session. For the operator only: an administrator never knows a password.
    pub fn set_password(
        &self,
        operator: &Principal,
        account: AccountId,
        hash: &PasswordHash,
        must_change: bool,
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        let kind = EventKind::PasswordSet;
        let rule = |account_state: &AccountState| {
            let before = &account_state.account;
            let after = Account { password_must_change: must_change, ..before.clone() };
            let result = if before.kind == AccountKind::Service {
                Err(Refusal::ServiceAccount)
            } else if operator.is_operator() {
                check_rules(account_state, operator, &matrix, &after)
            } else {
                Err(Refusal::AboveOwnRole)
            };
            let details = Details::of_account(Some(before), &after);
            let event = self
                .event(kind, outcome(result), operator, before.id, account_state.now)
                .with(details);
            let (random, address) = (self.ambient.random.clone(), operator.origin.address);
            let effects = move |changed: &AccountChangeResult| match changed {
                AccountChangeResult::Done { account, .. } => {
                    let mail = Mail::PasswordChanged { address };
                    Effects::with_mail(event.ending(changed.ended()), account.id, mail, &*random)
                }
                _ => event.into(),
            };
            let update = |()| AccountUpdate {
                ends_sessions: Some(kind),
                password_hash: Some(hash.clone()),
                ..AccountUpdate::to(after)
            };
            AccountRuleResult { result: result.map(update), effects: Box::new(effects) }
        };
        self.carry_out(operator, &matrix, account, None, &rule).map(drop)
    }

    /// Ends every session of the account.
    pub fn end_sessions(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::END_SESSIONS])?;
        let kind = EventKind::AllSessionsEnded;
        let rule = |account_state: &AccountState| {
            let account = &account_state.account;
            let result = check_rules(account_state, principal, &matrix, account);
            let outcome = outcome(result);
            let event = self.event(kind, outcome, principal, account.id, account_state.now);
            let update = |()| AccountUpdate {
                ends_sessions: Some(kind),
                ..AccountUpdate::to(account.clone())
            };
            let effects =
                Box::new(move |changed: &AccountChangeResult| event.ending(changed.ended()).into());
            AccountRuleResult { result: result.map(update), effects }
        };
        self.carry_out(principal, &matrix, account, None, &rule).map(drop)
    }

    /// Removes all second factors of the account and ends its sessions: for an account whose owner
    /// has lost them. The owner is informed.
    pub fn reset_factors(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::CHANGE_STATE])?;
        let kind = EventKind::FactorsReset;
        let random = self.ambient.random.clone();
        let rule = |account_state: &AccountState| {
            let before = &account_state.account;
            let after = Account { mfa_enabled: false, ..before.clone() };
            let result = check_rules(account_state, principal, &matrix, &after)
                .and_then(|()| refuse_own_account(before, principal));
            let event = self.event(kind, outcome(result), principal, before.id, account_state.now);
            let had_factors = before.mfa_enabled;
            let account = before.id;
            let update = |()| AccountUpdate {
                ends_sessions: Some(kind),
                removes_factors: true,
                ..AccountUpdate::to(after)
            };
            let random = random.clone();
            let effects = Box::new(move |changed: &AccountChangeResult| {
                let event = event.ending(changed.ended());
                if !had_factors || !matches!(changed, AccountChangeResult::Done { .. }) {
                    return event.into();
                }
                Effects::with_mail(event, account, Mail::FactorsReset, &*random)
            });
            AccountRuleResult { result: result.map(update), effects }
        };
        self.carry_out(principal, &matrix, account, None, &rule).map(drop)
    }

    /// The account as stored.
    pub(crate) fn find(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        self.store.account(account)
    }

    fn carry_out(
        &self,
        principal: &Principal,
        matrix: &MatrixInForce,
        account: AccountId,
        reauthenticated: Option<&Reauthenticated>,
        rule: &dyn Fn(&AccountState) -> AccountRuleResult,
    ) -> Result<Account, ChangeError> {
        self.store_change(&AccountChange {
            kind: ChangeKind::Update,
            account,
            principal,
            part: None,
            reauthenticated,
            revision: matrix.revision,
            administrators: &matrix.admin,
            rule,
            revoked_for: self.enforcement.revoked_for(),
        })
    }

    fn store_change(&self, change: &AccountChange<'_>) -> Result<Account, ChangeError> {
        self.store.change_account(change)?.enforced(&self.enforcement)
    }

    /// One event for each difference, with the old and the new value.
    fn judge_change(
        &self,
        principal: &Principal,
        matrix: &MatrixInForce,
        account_state: &AccountState,
        after: Account,
    ) -> AccountRuleResult {
        let (before, now) = (&account_state.account, account_state.now);
        if after == *before {
            // The response still shows the account.
            let result = acting_account(account_state, principal).map(drop);
            let kind = EventKind::AccountRead;
            let event = self.event(kind, outcome(result), principal, before.id, now);
            return AccountRuleResult {
                result: result.map(|()| AccountUpdate::to(after)),
                effects: Box::new(|_| event.into()),
            };
        }
        let with_role = Account { role: after.role.clone(), ..before.clone() };
        let must_change = after.password_must_change;
        let with_demand = Account { password_must_change: must_change, ..with_role.clone() };
        let kind = if with_role == *before {
            EventKind::PasswordChangeDemanded
        } else {
            EventKind::RoleChanged
        };
        let result = check_rules(account_state, principal, matrix, &after).and_then(|()| {
            if with_demand == *before {
                return Ok(AccountUpdate::to(after.clone()));
            }
            if with_demand != with_role && !account_state.has_password {
                return Err(Refusal::NoPassword);
            }
            account_state.voiding_tokens(after.clone(), kind)
        });
        let outcome = outcome(result.as_ref().map(drop).map_err(|refusal| *refusal));
        let event = |kind, before, after| {
            let details = Details::of_account(Some(before), after);
            self.event(kind, outcome, principal, before.id, now).with(details)
        };
        let mut events = Vec::new();
        if with_role != *before {
            events.push(event(EventKind::RoleChanged, before, &with_role));
        }
        if with_demand != with_role {
            events.push(event(EventKind::PasswordChangeDemanded, &with_role, &with_demand));
        }
        let deactivates = (!after.is_active).then_some(EventKind::AccountDeactivated);
        if after != with_demand {
            let kind = deactivates.unwrap_or(EventKind::AccountReactivated);
            events.push(event(kind, &with_demand, &after));
        }
        let result = result.map(|update| AccountUpdate {
            ends_sessions: deactivates.or(update.ends_sessions),
            ..update
        });
        let ends = result.as_ref().ok().and_then(|update| update.ends_sessions);
        let effects = move |changed: &AccountChangeResult| {
            let told = |event: SecurityEvent| match ends {
                Some(kind) if kind == event.kind => event.ending(changed.ended()),
                _ => event,
            };
            events.into_iter().map(told).collect::<Vec<_>>().into()
        };
        AccountRuleResult { result, effects: Box::new(effects) }
    }

    fn event(
        &self,
        kind: EventKind,
        outcome: Outcome,
        principal: &Principal,
        account: AccountId,
        now: Timestamp,
    ) -> SecurityEvent {
        SecurityEvent::new(kind, outcome, &principal.origin, now, &*self.ambient.random)
            .about(account)
            .by(principal.actor)
    }
}

impl AccountPatch {
    /// The permissions that the patch requires.
    pub fn takes(&self) -> Vec<Permission> {
        let role = self.role.as_ref().map(|_| permission::CHANGE_ROLE);
        let changes_state = self.is_active.is_some() || self.demands_password;
        role.into_iter().chain(changes_state.then_some(permission::CHANGE_STATE)).collect()
    }
}

/// True if the matrix of this check still grants the permissions of the guard, which may have used
/// the previous matrix. The matrix does not apply to the operator.
pub(crate) fn still_permitted(
    principal: &Principal,
    matrix: &MatrixInForce,
    permissions: &[Permission],
) -> Result<(), ChangeError> {
    let is_granted = |role| permissions.iter().all(|permission| matrix.allows(role, *permission));
    if principal.is_operator() || principal.role.as_ref().is_some_and(is_granted) {
        Ok(())
    } else {
        Err(ChangeError::Superseded)
    }
}

fn outcome(result: Result<(), Refusal>) -> Outcome {
    result.map_or_else(Refusal::outcome, |()| Outcome::Success)
}

fn known_role(matrix: &Matrix, word: &str) -> Result<Role, ChangeError> {
    let role = Role::parse(word).ok().filter(|_| matrix.role(word).is_some());
    role.ok_or_else(|| ChangeError::UnknownRole(matrix.roles().map(str::to_owned).collect()))
}
