//! Changes of the networks that an account may be used from: by its holder, an administrator, or the operator.

use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{Account, AccountId, NetworkList};

use super::rule::{
    AccountState, AccountUpdate, Refusal, acting_account, check_rules, refuse_own_account,
};
use super::{
    AccountChangeResult, AccountChanges, AccountRuleResult, ChangeError, outcome, still_permitted,
};
use crate::StoreError;
use crate::access::permission;
use crate::effects::Effects;
use crate::node::mail::Mail;
use crate::principal::Principal;
use crate::sign_in::reauthentication::Reauthenticated;

impl AccountChanges {
    /// Replaces the list of networks that the account may be used from. Every access token of the account is
    /// invalid from then on; its sessions go on at their next refresh, from inside.
    pub fn set_networks(
        &self,
        principal: &Principal,
        account: AccountId,
        networks: &NetworkList,
    ) -> Result<Account, ChangeError> {
        let matrix = self.matrix.load();
        still_permitted(principal, &matrix, &[permission::CHANGE_STATE])?;
        let permit = |state: &AccountState, after: &Account| {
            check_rules(state, principal, &matrix, after)
                .and_then(|()| refuse_own_account(&state.account, principal))
        };
        let rule = |state: &AccountState| self.judge_networks(principal, state, networks, &permit);
        self.carry_out(principal, &matrix, account, None, &rule)
    }

    /// Replaces the list of the caller, whose current credential was verified.
    pub(crate) fn set_own_networks(
        &self,
        principal: &Principal,
        reauthenticated: &Reauthenticated,
        networks: &NetworkList,
    ) -> Result<Account, ChangeError> {
        let matrix = self.matrix.load();
        let permit = |state: &AccountState, _: &Account| acting_account(state, principal).map(drop);
        let rule = |state: &AccountState| self.judge_networks(principal, state, networks, &permit);
        let account = reauthenticated.account.id;
        self.carry_out(principal, &matrix, account, Some(reauthenticated), &rule)
    }

    /// Records that the holder wanted a list that would shut it out.
    pub(crate) fn refuse_networks(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let (kind, outcome) = (EventKind::NetworksChanged, Outcome::AgainstRules);
        let event = self.event(kind, outcome, principal, account, self.ambient.now());
        self.store.read_account(account, &event.into()).map(drop)
    }

    /// The holder is told of a change, with a link that undoes it.
    fn judge_networks(
        &self,
        principal: &Principal,
        state: &AccountState,
        networks: &NetworkList,
        permit: &dyn Fn(&AccountState, &Account) -> Result<(), Refusal>,
    ) -> AccountRuleResult {
        let kind = EventKind::NetworksChanged;
        let before = &state.account;
        let after = Account { allowed_networks: networks.clone(), ..before.clone() };
        let details = Details::of_account(Some(before), &after);
        let is_same = after == *before;
        let result = permit(state, &after).and_then(|()| {
            if is_same { Ok(AccountUpdate::to(after)) } else { state.voiding_tokens(after, kind) }
        });
        let outcome = outcome(result.as_ref().map(drop).map_err(|refusal| *refusal));
        let event = self.event(kind, outcome, principal, before.id, state.now).with(details);
        let ends = result.as_ref().is_ok_and(|update| update.ends_sessions.is_some());
        let is_holder = principal.account() == Some(before.id);
        let (random, address) = (self.ambient.random.clone(), principal.origin.address);
        let mail = if is_holder { Mail::NetworksChanged { address } } else { Mail::NetworksSet };
        let effects = move |changed: &AccountChangeResult| match changed {
            AccountChangeResult::Done { account, .. } if !is_same => {
                let event = if ends { event.ending(changed.ended()) } else { event };
                Effects::with_mail(event, account.id, mail, &*random)
            }
            _ => event.into(),
        };
        AccountRuleResult { result, effects: Box::new(effects) }
    }
}
