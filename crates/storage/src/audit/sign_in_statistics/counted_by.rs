//! `CountedBy`: accounts or addresses, and the keys of their counts.

use portcullis_domain::AccountId;

use crate::sql_type::Key;

/// The refusals that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CountedBy {
    /// Those of an account.
    Account,
    /// Those from an address.
    Address,
}

impl CountedBy {
    pub(super) const BOTH: [Self; 2] = [Self::Account, Self::Address];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
        }
    }
}

/// The key of an account.
pub(super) fn account_key(id: Key) -> Vec<u8> {
    AccountId::from(id).as_uuid().as_bytes().to_vec()
}
