//! Rules of account changes: which principal may change an account or end its sessions, and the update that
//! a rule allows.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AccountKind, DisplayName, Role, Timestamp};
use portcullis_password::PasswordHash;
use portcullis_token::Digest;

use crate::access::matrix::MatrixInForce;
use crate::principal::Principal;

/// The state at the moment of the change.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The account.
    pub account: Account,
    /// Its access tokens issued before this are invalid already.
    pub tokens_valid_from: Option<Timestamp>,
    /// The time at which the newest token of a live session was issued. Later than now if a clock
    /// was set back.
    pub last_issued: Option<Timestamp>,
    /// The account of the principal; `None` if it is deleted, or its token or session is revoked.
    pub actor: Option<Account>,
    /// The name of the API key that ends with the change.
    pub api_key_name: Option<DisplayName>,
    /// True if the account has a password.
    pub has_password: bool,
    /// The number of other accounts with the role of administrators that can sign in.
    pub other_administrators: u64,
    /// The outcome that refuses the proof of the password; `None` if it is valid, or not needed.
    pub unproven: Option<Outcome>,
    /// The time of the change.
    pub now: Timestamp,
}

/// The update of an account.
#[derive(Debug)]
pub struct AccountUpdate {
    /// The account afterwards; only its role, its activation, its block, its networks, and whether its
    /// password must be changed may differ.
    pub after: Account,
    /// Access tokens issued before this are invalid.
    pub tokens_valid_from: Option<Timestamp>,
    /// The reason why all sessions end, if they do, or the session that is the part of the change.
    pub ends_sessions: Option<EventKind>,
    /// The hash of a new password, which invalidates every device cookie and every link of a mail.
    pub password_hash: Option<PasswordHash>,
    /// True if all second factors of the account are removed.
    pub removes_factors: bool,
    /// The failure counters that are reset.
    pub opens_counters: Vec<Digest>,
}

impl AccountUpdate {
    /// An update to this account, which ends no session and voids no token.
    pub(crate) const fn to(after: Account) -> Self {
        Self {
            after,
            tokens_valid_from: None,
            ends_sessions: None,
            password_hash: None,
            removes_factors: false,
            opens_counters: Vec::new(),
        }
    }
}

/// The rule that refuses a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account of the caller no longer matches its access token.
    #[error("the caller's account has changed")]
    CallerChanged,
    /// No administrator would remain.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// The caller may not change the role or activation of its own account.
    #[error("this is the caller's own account")]
    OwnAccount,
    /// The account is, or would become, senior to the caller.
    #[error("the role is above that of the caller")]
    AboveOwnRole,
    /// A service account has no password.
    #[error("this is a service account, which acts through API keys only")]
    ServiceAccount,
    /// The account has no password that could be changed.
    #[error("the account has no password")]
    NoPassword,
    /// The password was not proven at that moment.
    #[error("the current password is not right")]
    NotProven(Outcome),
    /// Too many changes of role or networks within a second: new access tokens would be dated too far ahead.
    #[error("the account has been changed a moment ago")]
    RoleJustChanged,
}

impl Refusal {
    /// The outcome that is recorded for an attempt.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::CallerChanged | Self::RoleJustChanged => Outcome::Superseded,
            Self::LastAdministrator
            | Self::OwnAccount
            | Self::AboveOwnRole
            | Self::ServiceAccount
            | Self::NoPassword => Outcome::AgainstRules,
            Self::NotProven(outcome) => outcome,
        }
    }
}

impl AccountState {
    /// The update to this account, after which every access token from before is invalid. Its sessions stay,
    /// unless they have tokens that are dated ahead, because a clock was set back: these cannot be
    /// distinguished from newer ones by their date.
    pub(crate) fn voiding_tokens(
        &self,
        after: Account,
        reason: EventKind,
    ) -> Result<AccountUpdate, Refusal> {
        // An inactive account has no session, and so no token to invalidate.
        let valid_from =
            after.is_active.then(|| tokens_valid_from(self.tokens_valid_from, self.now));
        let tokens_valid_from = valid_from.transpose()?;
        let is_ahead = tokens_valid_from.is_some() && tokens_valid_from < self.last_issued;
        let ends_sessions = is_ahead.then_some(reason);
        Ok(AccountUpdate { tokens_valid_from, ends_sessions, ..AccountUpdate::to(after) })
    }

    /// Refuses a change after which the account is no active administrator, if it is the last one.
    pub(crate) fn keeps_an_administrator(&self, matrix: &MatrixInForce) -> Result<(), Refusal> {
        if administers(&self.account, matrix) && self.other_administrators == 0 {
            return Err(Refusal::LastAdministrator);
        }
        Ok(())
    }
}

/// Checks that the caller may turn the account into `after`; with `after` equal to the account,
/// that it may end the sessions. The rules between roles do not apply to the operator.
pub(crate) fn check_rules(
    account_state: &AccountState,
    principal: &Principal,
    matrix: &MatrixInForce,
    after: &Account,
) -> Result<(), Refusal> {
    let before = &account_state.account;
    let actor = acting_account(account_state, principal)?;
    let reaches = |role: &Role| actor.is_none_or(|actor| matrix.reaches(&actor.role, role));
    if !reaches(&before.role) || !reaches(&after.role) {
        return Err(Refusal::AboveOwnRole);
    }
    if !administers(after, matrix) {
        account_state.keeps_an_administrator(matrix)?;
    }
    if actor.is_some_and(|actor| before.id == actor.id) && before != after {
        return Err(Refusal::OwnAccount);
    }
    Ok(())
}

/// Refuses what nobody does to the own account, even if it changes nothing.
pub(crate) fn refuse_own_account(account: &Account, principal: &Principal) -> Result<(), Refusal> {
    if principal.account() == Some(account.id) { Err(Refusal::OwnAccount) } else { Ok(()) }
}

/// The account of the principal, if it still matches its access token; `None` for the operator, who
/// has none.
pub(crate) fn acting_account<'s>(
    account_state: &'s AccountState,
    principal: &Principal,
) -> Result<Option<&'s Account>, Refusal> {
    if let Some(outcome) = account_state.unproven {
        return Err(Refusal::NotProven(outcome));
    }
    if principal.is_operator() {
        return Ok(None);
    }
    let actor = account_state.actor.as_ref().filter(|actor| actor.is_active);
    let actor = actor.filter(|actor| principal.role.as_ref() == Some(&actor.role));
    actor.map(Some).ok_or(Refusal::CallerChanged)
}

/// A service administers nothing: administration takes a sign-in.
fn administers(account: &Account, matrix: &MatrixInForce) -> bool {
    account.is_active && account.role == matrix.admin && account.kind != AccountKind::Service
}

/// The start of validity of new tokens. The claim `iat` has whole seconds, and the clocks of nodes
/// differ by up to one: tokens issued before the next whole second after that are invalid, and none
/// is issued with an earlier `iat`. It is later than that of the previous change, whose tokens
/// carry a role that is outdated too.
///
/// Each further change within a second thus dates new tokens ahead by one more second. A change is
/// refused if its tokens would be dated beyond the leeway of services.
pub fn tokens_valid_from(before: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Refusal> {
    const SECOND: Duration = Duration::from_secs(1);
    const ALMOST_A_SECOND: Duration = Duration::from_micros(999_999);
    const MAX_AHEAD: Duration = Duration::from_secs(3);
    let next = Timestamp::from_seconds((now + SECOND + ALMOST_A_SECOND).as_seconds());
    let valid_from = before.map_or(next, |before| next.max(before + SECOND));
    if valid_from > now + MAX_AHEAD {
        return Err(Refusal::RoleJustChanged);
    }
    Ok(valid_from)
}
