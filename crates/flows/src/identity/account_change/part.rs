//! Changes of what belongs to an account: one session, one API key, the failure counters.

use portcullis_audit::{Details, EventKind, SecurityEvent};
use portcullis_domain::{Account, AccountId, ApiKeyId, SessionId};
use portcullis_token::Digest;

use super::rule::{AccountState, AccountUpdate, Refusal, check_rules, refuse_own_account};
use super::{
    AccountChange, AccountChanges, AccountPart, AccountRuleResult, ChangeError, ChangeKind,
    outcome, still_permitted,
};
use crate::access::matrix::MatrixInForce;
use crate::access::permission;
use crate::principal::Principal;

impl AccountChanges {
    /// Ends one live session of the account.
    pub fn end_session(
        &self,
        principal: &Principal,
        account: AccountId,
        session: SessionId,
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::END_SESSIONS])?;
        let kind = EventKind::SessionEnded;
        let rule = |state: &AccountState| {
            let account = &state.account;
            let result = check_rules(state, principal, &matrix, account);
            let event = self
                .event(kind, outcome(result), principal, account.id, state.now)
                .in_session(session);
            let update =
                AccountUpdate { ends_sessions: Some(kind), ..AccountUpdate::to(account.clone()) };
            recorded(result, update, event)
        };
        self.end_part(principal, &matrix, account, AccountPart::Session(session), &rule)
    }

    /// Revokes one API key of the account: every node refuses it within a second.
    pub fn revoke_api_key(
        &self,
        principal: &Principal,
        account: AccountId,
        key: ApiKeyId,
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::CHANGE_STATE])?;
        let kind = EventKind::ApiKeyRevoked;
        let rule = |state: &AccountState| {
            let account = &state.account;
            let result = check_rules(state, principal, &matrix, account);
            let name = state.api_key_name.as_ref();
            let details = name.map_or(Details::None, |name| Details::of_revoked_api_key(key, name));
            let event =
                self.event(kind, outcome(result), principal, account.id, state.now).with(details);
            recorded(result, AccountUpdate::to(account.clone()), event)
        };
        self.end_part(principal, &matrix, account, AccountPart::ApiKey(key), &rule)
    }

    /// Resets these counters of the account, and lifts its block. No caller does it for the own account: a
    /// stolen session would gain further guesses.
    pub(crate) fn unlock(
        &self,
        principal: &Principal,
        account: AccountId,
        counters: &[Digest],
    ) -> Result<(), ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::CHANGE_STATE])?;
        let rule = |state: &AccountState| {
            let before = &state.account;
            let after = Account { is_blocked: false, ..before.clone() };
            let result = check_rules(state, principal, &matrix, &after)
                .and_then(|()| refuse_own_account(before, principal));
            let event = self
                .event(EventKind::Unlock, outcome(result), principal, before.id, state.now)
                .with(Details::of_account(Some(before), &after));
            let opens_counters = counters.to_vec();
            recorded(result, AccountUpdate { opens_counters, ..AccountUpdate::to(after) }, event)
        };
        self.carry_out(principal, &matrix, account, None, &rule).map(drop)
    }

    fn end_part(
        &self,
        principal: &Principal,
        matrix: &MatrixInForce,
        account: AccountId,
        part: AccountPart,
        rule: &dyn Fn(&AccountState) -> AccountRuleResult,
    ) -> Result<(), ChangeError> {
        let change = AccountChange {
            kind: ChangeKind::Update,
            account,
            principal,
            part: Some(part),
            reauthenticated: None,
            revision: matrix.revision,
            administrators: &matrix.admin,
            rule,
            revoked_for: self.enforcement.revoked_for(),
        };
        self.store_change(&change).map(drop)
    }
}

/// The update, if it is allowed, and one event in any case.
fn recorded(
    result: Result<(), Refusal>,
    update: AccountUpdate,
    event: SecurityEvent,
) -> AccountRuleResult {
    AccountRuleResult { result: result.map(|()| update), effects: Box::new(move |_| event.into()) }
}
