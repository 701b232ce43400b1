//! `Actor`: the acting party of an entry: an account, the operator, or an unauthenticated caller
//! (`nobody`).

use std::fmt;
use std::str::FromStr;

use portcullis_domain::AccountId;
use serde::{Serialize, Serializer};

/// The acting party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The holder of an account, authenticated by a password or a token.
    Account(AccountId),
    /// The operator: the command line, the configuration, a worker.
    Operator,
    /// An unauthenticated caller.
    Nobody,
}

/// Prints the stored text: the id of the account, `operator` or `nobody`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "operator" => Ok(Self::Operator),
            "nobody" => Ok(Self::Nobody),
            id => id.parse().map(Self::Account).map_err(|_| UnknownActor),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not `operator`, `nobody` or the id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither an account id nor `operator` nor `nobody`")]
pub struct UnknownActor;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_survive_a_round_trip() {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(7));
        for actor in [Actor::Account(account), Actor::Operator, Actor::Nobody] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        assert_eq!("root".parse::<Actor>(), Err(UnknownActor));
    }
}
