use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use portcullis_domain::{AccountId, SessionId, Timestamp};
use serde::{Serialize, Serializer};

use crate::{ChainId, UnknownWord};

/// One answer of the access matrix, as it is recorded. Nothing is copied to record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord<'a> {
    /// When it was taken.
    pub at: Timestamp,
    /// Who asked.
    pub caller: AccountId,
    /// The session of whoever asked, when there is one.
    pub session: Option<SessionId>,
    /// Where the request came from.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
    /// The id under which the request is in the log of the server.
    pub request_id: Option<&'a str>,
    /// Who would act.
    pub subject: AccountId,
    /// The role of the subject.
    pub role: &'a str,
    /// What would be acted on.
    pub resource: &'a str,
    /// What would be done.
    pub action: &'a str,
    /// Whose resource it is, if the caller said.
    pub owner: Option<&'a str>,
    /// Who takes part in it, if the caller said.
    pub parties: Option<Cow<'a, [&'a str]>>,
    /// Further attributes that the caller gave, as JSON text.
    pub attributes: Option<&'a str>,
    /// The version of the matrix that answered.
    pub matrix_version: u32,
    /// The answer.
    pub allowed: bool,
    /// Why, in one line; for auditors.
    pub reason: &'a str,
}

/// Names one decision for ever: its chain, and its place among the decisions of that chain.
///
/// It is known as soon as the decision is taken, before it is stored. Callers treat it as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId {
    /// The run of the node that took it.
    pub chain: ChainId,
    /// Which of that run: the first is 1.
    pub ordinal: u64,
}

/// Prints the chain in 16 hexadecimal digits, a hyphen and the ordinal.
impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.chain, self.ordinal)
    }
}

impl FromStr for DecisionId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chain, ordinal) = text.split_once('-').ok_or(UnknownWord)?;
        let chain = chain.parse().map_err(|_| UnknownWord)?;
        let id = Self { chain, ordinal: ordinal.parse().map_err(|_| UnknownWord)? };
        // One spelling each, so that two texts never name one decision.
        if id.ordinal == 0 || id.to_string() != text { Err(UnknownWord) } else { Ok(id) }
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_id_has_one_spelling() {
        let text = "00000000000000ff-42";
        let id: DecisionId = text.parse().unwrap();
        assert_eq!((id.chain.as_i64(), id.ordinal), (255, 42));
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""00000000000000ff-42""#);
        for other in
            ["", "ff-42", "00000000000000ff-042", "00000000000000ff-0", "-", "00000000000000ff-+1"]
        {
            assert_eq!(other.parse::<DecisionId>(), Err(UnknownWord), "{other:?}");
        }
    }
}
