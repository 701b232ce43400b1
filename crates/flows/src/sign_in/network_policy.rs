//! Networks that accounts may be used from: a list of each account, and a list of each role.
//!
//! Both lists must contain the client address: at sign-in, at refresh and at every request. A sign-in from
//! outside gets the answer of a wrong password, so the right password is not confirmed. The access token
//! states the networks, so a request costs no query, and other services can enforce them too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Actor, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, NetworkList, Role, SessionId};
use portcullis_token::AccessClaims;
use quick_cache::sync::{Cache, EntryAction, EntryResult};

use crate::StoreError;
use crate::audit::trail::AuditLogStore;
use crate::effects::event_now;

/// The networks of roles, which the operator configures. The lists of accounts come with the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    by_role: BTreeMap<Role, NetworkList>,
}

impl NetworkPolicy {
    /// Limits these roles to these networks. An empty list allows none.
    pub const fn new(by_role: BTreeMap<Role, NetworkList>) -> Self {
        Self { by_role }
    }

    /// The networks of a role; `None` allows all.
    pub fn of_role(&self, role: &Role) -> Option<&NetworkList> {
        self.by_role.get(role)
    }

    /// Returns whether the account may be used from this address. An unknown address is outside of every list.
    pub fn admits(&self, account: &Account, address: impl Into<Option<IpAddr>>) -> bool {
        let (own, address) = (&account.allowed_networks, address.into());
        let is_in_own = address.is_some_and(|address| own.contains(address));
        (own.is_empty() || is_in_own) && self.admits_role(&account.role, address)
    }

    /// Returns whether an access token with these claims may be used from this address. The list of the role
    /// is that of this server, also for a token from before its latest start.
    pub fn admits_token(&self, claims: &AccessClaims, address: impl Into<Option<IpAddr>>) -> bool {
        let (networks, address) = (claims.networks.as_ref(), address.into());
        let contains = |networks: &NetworkList| address.is_some_and(|it| networks.contains(it));
        networks.is_none_or(contains) && self.admits_role(&claims.role, address)
    }

    /// The networks for the access tokens of an account; `None` allows all.
    pub(crate) fn of_tokens(&self, account: &Account) -> Option<NetworkList> {
        let own = Some(&account.allowed_networks).filter(|own| !own.is_empty());
        match (own, self.of_role(&account.role)) {
            (Some(own), Some(of_role)) => Some(own.common(of_role)),
            (own, of_role) => own.or(of_role).cloned(),
        }
    }

    fn admits_role(&self, role: &Role, address: Option<IpAddr>) -> bool {
        let contains = |networks: &NetworkList| address.is_some_and(|it| networks.contains(it));
        self.of_role(role).is_none_or(contains)
    }
}

/// Checks the client addresses of sessions, and records the use of a session from outside.
pub struct NetworkAccess {
    policy: NetworkPolicy,
    log: Arc<dyn AuditLogStore>,
    /// The latest records, by the monotonic clock.
    recorded: Cache<SessionId, Duration>,
    ambient: Ambient,
}

impl NetworkAccess {
    /// Creates the use case from its dependencies.
    pub fn new(policy: NetworkPolicy, log: Arc<dyn AuditLogStore>, ambient: Ambient) -> Self {
        Self { policy, log, recorded: Cache::new(MAX_SESSIONS), ambient }
    }

    /// The networks of roles.
    pub const fn policy(&self) -> &NetworkPolicy {
        &self.policy
    }

    /// Records that the session was used from outside: the first time in a minute on this node, so that a
    /// stolen token cannot fill the audit log.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub fn record_refusal(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        if !self.claims_record(session) {
            return Ok(());
        }
        let (kind, outcome) = (EventKind::SessionUsedOutside, Outcome::OutsideNetworks);
        let event = event_now(kind, outcome, origin, &self.ambient)
            .about(account)
            .in_session(session)
            .by(Actor::Account(account));
        self.log.record(&event)
    }

    /// Returns `true` to one caller in each period.
    fn claims_record(&self, session: SessionId) -> bool {
        let now = self.ambient.clock.monotonic();
        let claim = |_: &SessionId, recorded: &mut Duration| {
            let is_over = now.saturating_sub(*recorded) >= PERIOD;
            if is_over {
                *recorded = now;
            }
            EntryAction::Retain(is_over)
        };
        match self.recorded.entry(&session, None, claim) {
            EntryResult::Retained(is_over) => is_over,
            EntryResult::Vacant(place) => place.insert(now).is_ok(),
            EntryResult::Removed(..) | EntryResult::Replaced(..) | EntryResult::Timeout => true,
        }
    }
}

/// The time for which further uses of the same session are not recorded.
const PERIOD: Duration = Duration::from_secs(60);

/// The maximum number of sessions whose latest record is remembered; each takes less than 200 bytes.
const MAX_SESSIONS: usize = 10_000;

#[cfg(test)]
mod tests {
    use portcullis_testkit::samples;

    use super::*;

    fn account(own: &str) -> Account {
        Account { allowed_networks: own.parse().unwrap(), ..samples::account("ada") }
    }

    fn policy(of_role: Option<&str>) -> NetworkPolicy {
        let of_role =
            of_role.map(|networks| (Role::parse("msa").unwrap(), networks.parse().unwrap()));
        let other = (Role::parse("admin").unwrap(), "203.0.113.0/24".parse().unwrap());
        NetworkPolicy::new(of_role.into_iter().chain([other]).collect())
    }

    #[test]
    fn an_address_must_be_in_the_list_of_the_account_and_in_that_of_its_role() {
        let cases = [
            ("", None, true),
            ("192.0.2.0/24", None, true),
            ("198.51.100.0/24", None, false),
            ("", Some("192.0.0.0/16"), true),
            ("", Some("198.51.100.0/24"), false),
            ("192.0.2.0/24", Some("192.0.0.0/16"), true),
            ("192.0.2.0/24", Some("198.51.100.0/24"), false),
            ("198.51.100.0/24", Some("192.0.0.0/16"), false),
            ("", Some(""), false),
        ];
        let address = "::ffff:192.0.2.7".parse().unwrap();
        for (own, of_role, is_admitted) in cases {
            let (account, policy) = (account(own), policy(of_role));
            assert_eq!(policy.admits(&account, address), is_admitted, "{own:?} {of_role:?}");
            let is_bound = !own.is_empty() || of_role.is_some();
            assert_eq!(policy.admits(&account, None), !is_bound, "{own:?} {of_role:?}");
            let in_token = policy.of_tokens(&account);
            let by_token = in_token.is_none_or(|networks| networks.contains(address));
            assert_eq!(by_token, is_admitted, "{own:?} {of_role:?}");
        }
    }

    #[test]
    fn a_token_states_the_networks_of_both_lists() {
        let in_token = |own, of_role| {
            let networks = policy(of_role).of_tokens(&account(own));
            networks.map(|networks| networks.to_string())
        };
        assert_eq!(in_token("", None), None);
        assert_eq!(in_token("192.0.2.0/24", None).as_deref(), Some("192.0.2.0/24"));
        assert_eq!(in_token("", Some("192.0.2.0/24")).as_deref(), Some("192.0.2.0/24"));
        assert_eq!(in_token("192.0.2.0/24", Some("10.0.0.0/8")).as_deref(), Some(""), "none");
        assert_eq!(in_token("", Some("")).as_deref(), Some(""), "none");
    }
}
