//! The record of one decision (caller, subject, resource, action, answer, reason), and its id.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use portcullis_domain::{AccountId, SessionId, Timestamp};
use serde::{Serialize, Serializer};

use crate::{ChainId, UnknownWord};

/// One decision of the access matrix, as recorded. It borrows all texts, so recording copies
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord<'a> {
    /// The time of the decision.
    pub at: Timestamp,
    /// The account that asked.
    pub caller: AccountId,
    /// The session of the caller, if it has one.
    pub session: Option<SessionId>,
    /// The address of the client.
    pub address: IpAddr,
    /// The user agent of the client.
    pub user_agent: Option<&'a str>,
    /// The id of the request in the log of the server.
    pub request_id: Option<&'a str>,
    /// The account that would act.
    pub subject: AccountId,
    /// The role of the subject.
    pub role: &'a str,
    /// The resource that would be acted on.
    pub resource: &'a str,
    /// The action that would be done.
    pub action: &'a str,
    /// The owner of the resource, if the caller stated one.
    pub owner: Option<&'a str>,
    /// The parties of the resource, if the caller stated them.
    pub parties: Option<Cow<'a, [&'a str]>>,
    /// Further attributes that the caller stated, as JSON text.
    pub attributes: Option<&'a str>,
    /// The version of the matrix that was used.
    pub matrix_version: u32,
    /// The answer.
    pub allowed: bool,
    /// The reason of the answer, in one line, for auditors.
    pub reason: &'a str,
}

/// The permanent id of one decision: its chain, and its ordinal in that chain.
///
/// It is known when the decision is made, before it is stored. Callers treat it as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId {
    /// The chain, one for each run of a node.
    pub chain: ChainId,
    /// The number of the decision in that chain; the first is 1.
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
        // An id has only one spelling, so that two texts never identify one decision.
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
