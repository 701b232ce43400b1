//! The values of the previous decision in a block, which the next record does not repeat.

use std::net::IpAddr;

use portcullis_domain::{AccountId, SessionId, Timestamp};

use crate::DecisionRecord;

/// The values that the next record does not repeat.
pub(super) struct Previous {
    caller: Option<AccountId>,
    session: Option<SessionId>,
    address: Option<IpAddr>,
    user_agent: Option<String>,
    request_id: Option<String>,
    matrix_version: u32,
    /// The last request id of the block, also if a request without one came after it.
    pub(super) last_request_id: String,
    pub(super) at: Timestamp,
    pub(super) subject: Option<AccountId>,
    pub(super) role: String,
}

impl Previous {
    pub(super) const fn nothing() -> Self {
        Self {
            caller: None,
            session: None,
            address: None,
            user_agent: None,
            request_id: None,
            matrix_version: 0,
            last_request_id: String::new(),
            at: Timestamp::from_micros(0),
            subject: None,
            role: String::new(),
        }
    }

    pub(super) fn is_request_of(&self, decision: &DecisionRecord<'_>) -> bool {
        self.request_id.as_deref() == decision.request_id
            && self.caller == Some(decision.caller)
            && self.session == decision.session
            && self.address == Some(decision.address)
            && self.user_agent.as_deref() == decision.user_agent
            && self.matrix_version == decision.matrix_version
    }

    pub(super) fn remember_request(&mut self, decision: &DecisionRecord<'_>) {
        self.caller = Some(decision.caller);
        self.session = decision.session;
        self.address = Some(decision.address);
        overwrite(&mut self.user_agent, decision.user_agent);
        overwrite(&mut self.request_id, decision.request_id);
        self.matrix_version = decision.matrix_version;
    }
}

/// Replaces the text and keeps the allocated memory.
fn overwrite(slot: &mut Option<String>, text: Option<&str>) {
    match (slot.as_mut(), text) {
        (Some(old), Some(new)) => {
            old.clear();
            old.push_str(new);
        }
        (_, text) => *slot = text.map(str::to_owned),
    }
}
