//! The list of networks that an account may be used from, as its holder or an administrator sets it.
//!
//! The list takes the current credential: a stolen access token must not shut its owner out. A list that the
//! client address is not in is refused, because it would shut out its author: who wants to confirm it sends
//! the request from inside. Every earlier access token is invalid from then on, so the next refresh of each
//! session meets the list.

use std::net::IpAddr;

use portcullis_audit::{Details, EventKind};
use portcullis_domain::{Account, AccountId, NetworkList};

use crate::StoreError;
use crate::identity::account_change::{AccountChanges, ChangeError, Refusal};
use crate::principal::Principal;
use crate::sign_in::network_policy::NetworkPolicy;
use crate::sign_in::reauthentication::{
    CurrentCredential, Reauthentication, ReauthenticationError, ReauthenticationRequest,
};

/// The networks of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowlist {
    /// The own list; an empty one allows all.
    pub own: NetworkList,
    /// The list of the role; `None` allows all.
    pub of_role: Option<NetworkList>,
}

/// The reason why the list was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum AllowlistError {
    /// The client address is outside the new list.
    #[error("the client address is outside the list")]
    ExcludesClient(IpAddr),
    /// The current credential was not accepted.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// A rule of account changes refuses it.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Shows and replaces the list of the caller.
pub struct NetworkAllowlists {
    changes: AccountChanges,
    reauthentication: Reauthentication,
    policy: NetworkPolicy,
}

impl NetworkAllowlists {
    /// The maximum number of networks of a list. They are in every access token.
    pub const MAX_NETWORKS: usize = 20;

    /// Creates the use case from its dependencies.
    pub const fn new(
        changes: AccountChanges,
        reauthentication: Reauthentication,
        policy: NetworkPolicy,
    ) -> Self {
        Self { changes, reauthentication, policy }
    }

    /// The networks of the caller.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Unknown`] if the account is gone, or if storage fails.
    pub fn read(&self, principal: &Principal) -> Result<Allowlist, ChangeError> {
        let account = principal.account().map(|account| self.changes.find(account)).transpose()?;
        account.flatten().map(|account| self.of(&account)).ok_or(ChangeError::Unknown)
    }

    /// Replaces the list of the caller. Every access token of the account is invalid from then on.
    pub fn replace(
        &self,
        principal: &Principal,
        networks: &NetworkList,
        current: CurrentCredential,
    ) -> Result<Allowlist, AllowlistError> {
        let origin = principal.origin.clone();
        let (Some(account), Some(session)) = (principal.account(), principal.session()) else {
            return Err(ChangeError::Unknown.into());
        };
        if !networks.is_empty() && !networks.contains(origin.address) {
            self.changes.refuse_networks(principal, account)?;
            return Err(AllowlistError::ExcludesClient(origin.address));
        }
        let request = ReauthenticationRequest { account, session, current, origin };
        let kind = EventKind::NetworksChanged;
        let reauthenticated = self.reauthentication.verify(&request, kind, &Details::None)?;
        let changed = self.changes.set_own_networks(principal, &reauthenticated, networks);
        let account = changed.map_err(|error| match error {
            ChangeError::Refused(Refusal::NotProven(_)) => {
                AllowlistError::from(ReauthenticationError::WrongPassword)
            }
            error => error.into(),
        })?;
        Ok(self.of(&account))
    }

    /// The networks of another account. The reading is recorded.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Unknown`] if there is no such account, or if storage fails.
    pub fn read_of(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<Allowlist, ChangeError> {
        let account = self.changes.read(principal, account)?.ok_or(ChangeError::Unknown)?;
        Ok(self.of(&account))
    }

    /// Replaces the list of another account, by the rules of account changes. Its holder is told.
    pub fn replace_of(
        &self,
        principal: &Principal,
        account: AccountId,
        networks: &NetworkList,
    ) -> Result<Allowlist, ChangeError> {
        let account = self.changes.set_networks(principal, account, networks)?;
        Ok(self.of(&account))
    }

    fn of(&self, account: &Account) -> Allowlist {
        let of_role = self.policy.of_role(&account.role).cloned();
        Allowlist { own: account.allowed_networks.clone(), of_role }
    }
}

impl From<StoreError> for AllowlistError {
    fn from(error: StoreError) -> Self {
        ChangeError::from(error).into()
    }
}
