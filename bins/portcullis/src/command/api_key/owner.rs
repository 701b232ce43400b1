//! The owner of API keys, and the use cases for them, on the configured database.

use portcullis_domain::AccountId;
use portcullis_flows::machine::api_key::{ApiKeyAuthority, ApiKeyError, ApiKeys};
use portcullis_flows::principal::Principal;

use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::{assembly, opening};

/// An account, its keys, and the operator that acts for it.
pub(super) struct Owner {
    pub(super) id: AccountId,
    pub(super) keys: ApiKeys,
    operator: Principal,
}

impl Owner {
    /// The account of that name, for this verb.
    pub(super) fn open(config: &Config, name: &Name, verb: &str) -> Result<Self, Failure> {
        let operator = operator(verb);
        let opened = opening::opened_existing(config, &operator.origin)?;
        let OpenedDatabase { store, secret, .. } = opened;
        let id = name.find(&store)?.id;
        let matrices = opening::matrices(&store, config, &operator)?;
        let keys = assembly::machine::keys_by_operator(&store, &secret, config, matrices.active());
        Ok(Self { id, keys, operator })
    }

    /// The operator acts for the owner.
    pub(super) const fn authority(&self) -> ApiKeyAuthority<'_> {
        ApiKeyAuthority { owner: self.id, principal: &self.operator }
    }
}

/// The failure of a change of keys.
pub(super) fn refused(error: ApiKeyError) -> Failure {
    let remedy = match &error {
        ApiKeyError::WrongKind => "take an account of a developer, or make one by `service create`",
        ApiKeyError::BeyondRole(_) => "leave it out, or give the account another role",
        ApiKeyError::Lifetime => "write 1 to 365 days",
        ApiKeyError::Overlap => "write 0 to 720 hours",
        ApiKeyError::TooMany => "revoke a key first, by `api-key revoke`",
        ApiKeyError::Unknown => "see `api-key list` for the keys of the account",
        _ => "the account must be active",
    };
    match error {
        ApiKeyError::Store(error) => error.into(),
        error => Failure::failed(error, remedy),
    }
}
