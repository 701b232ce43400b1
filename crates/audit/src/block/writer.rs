//! `BlockWriter`: encodes decisions into blocks.

use std::net::IpAddr;

use hmac::Hmac;
use portcullis_domain::{AccountId, SessionId, Timestamp};
use sha2::Sha256;
use uuid::Uuid;

use super::dictionary::{Dictionary, NOTHING, define_address, define_text};
use super::filter::{Item, Items};
use super::previous::Previous;
use super::{Block, Header, TAG, flag};
use crate::encoding::{counted, length, varint, zigzag};
use crate::keys::mac;
use crate::{AuditKeys, ChainId, DecisionId, DecisionRecord};

/// Encodes the decisions of one chain into blocks.
///
/// One writer serves a whole chain: [`BlockWriter::finish`] returns the pushed decisions as a block
/// and begins the next block.
pub struct BlockWriter {
    entry_key: Hmac<Sha256>,
    chain: ChainId,
    first_ordinal: u64,
    count: u32,
    from: Timestamp,
    until: Timestamp,
    filter: Items,
    records: Vec<u8>,
    previous: Previous,
    accounts: Dictionary<Uuid>,
    sessions: Dictionary<Uuid>,
    addresses: Dictionary<IpAddr>,
    resources: Dictionary<String>,
    texts: Dictionary<String>,
}

impl BlockWriter {
    /// Creates a writer for the chain. `first_ordinal` is the ordinal of the next decision: 1 in a
    /// new chain.
    pub fn new(keys: &AuditKeys, chain: ChainId, first_ordinal: u64) -> Self {
        Self {
            entry_key: keys.entries().clone(),
            chain,
            first_ordinal,
            count: 0,
            from: LATEST,
            until: EARLIEST,
            filter: Items::default(),
            records: Vec::new(),
            previous: Previous::nothing(),
            accounts: Dictionary::new(),
            sessions: Dictionary::new(),
            addresses: Dictionary::new(),
            resources: Dictionary::new(),
            texts: Dictionary::new(),
        }
    }

    /// Adds one decision; returns its id.
    pub fn push(&mut self, decision: &DecisionRecord<'_>) -> DecisionId {
        let ordinal = self.first_ordinal.saturating_add(u64::from(self.count));
        let start = self.records.len();
        self.write(decision);
        self.count = self.count.saturating_add(1);
        self.from = self.from.min(decision.at);
        self.until = self.until.max(decision.at);
        let record = self.records.get(start..).unwrap_or_default();
        let tag = tag(&self.entry_key, self.chain, ordinal, record);
        self.records.extend(tag);
        DecisionId { chain: self.chain, ordinal }
    }

    /// Returns the number of decisions in the unfinished block.
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Returns whether the unfinished block has no decisions.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the size of the unfinished block, in bytes.
    pub const fn size(&self) -> usize {
        self.records.len()
    }

    /// Returns the block of all decisions since the last one; `None` if there are none.
    pub fn finish(&mut self) -> Option<Block> {
        if self.is_empty() {
            return None;
        }
        let (chain, first_ordinal, count) = (self.chain, self.first_ordinal, self.count);
        let (from, until) = (self.from, self.until);
        let filter = std::mem::take(&mut self.filter).into_filter();
        let header = Header { chain, first_ordinal, count, from, until, filter: &filter };
        let mut payload = Vec::with_capacity(64 + filter.len() + self.records.len());
        header.write(&mut payload);
        payload.append(&mut self.records);
        self.begin(first_ordinal.saturating_add(u64::from(count)));
        Some(Block { chain, first_ordinal, count, from, until, filter, payload })
    }

    /// Discards the unfinished block, and begins a block at this ordinal: to encode decisions again
    /// that were encoded before.
    pub fn restart(&mut self, first_ordinal: u64) {
        self.records.clear();
        self.filter = Items::default();
        self.begin(first_ordinal);
    }

    /// Removes the content and keeps the allocated memory: a block can be read without earlier
    /// blocks.
    fn begin(&mut self, first_ordinal: u64) {
        self.first_ordinal = first_ordinal;
        self.count = 0;
        self.from = LATEST;
        self.until = EARLIEST;
        self.previous = Previous::nothing();
        self.accounts.clear();
        self.sessions.clear();
        self.addresses.clear();
        self.resources.clear();
        self.texts.clear();
    }

    fn write(&mut self, decision: &DecisionRecord<'_>) {
        let same_request = self.previous.is_request_of(decision);
        let subject = decision.subject;
        let same_subject =
            self.previous.subject == Some(subject) && self.previous.role == decision.role;
        let when = |condition, flag| if condition { flag } else { 0 };
        self.records.push(
            when(!same_request, flag::REQUEST)
                | when(decision.allowed, flag::ALLOWED)
                | when(!same_subject, flag::SUBJECT)
                | when(decision.at != self.previous.at, flag::TIME)
                | when(decision.owner.is_some(), flag::OWNER)
                | when(decision.parties.is_some(), flag::PARTIES)
                | when(decision.attributes.is_some(), flag::ATTRIBUTES),
        );
        if !same_request {
            self.write_request(decision);
        }
        if decision.at != self.previous.at {
            let (now, before) = (decision.at.as_micros(), self.previous.at.as_micros());
            zigzag(&mut self.records, now.wrapping_sub(before));
            self.previous.at = decision.at;
        }
        if !same_subject {
            self.account(subject);
            self.text(decision.role);
            self.previous.subject = Some(subject);
            self.previous.role.clear();
            self.previous.role.push_str(decision.role);
        }
        self.resource(decision.resource);
        self.text(decision.action);
        self.text(decision.reason);
        if let Some(owner) = decision.owner {
            self.text(owner);
        }
        if let Some(parties) = &decision.parties {
            varint(&mut self.records, length(parties.len()));
            for party in parties.iter() {
                self.text(party);
            }
        }
        if let Some(attributes) = decision.attributes {
            self.text(attributes);
        }
        self.filter.answered(decision.allowed);
    }

    fn write_request(&mut self, decision: &DecisionRecord<'_>) {
        self.account(decision.caller);
        match decision.session {
            Some(session) => self.session(session),
            None => self.records.push(NOTHING),
        }
        self.address(decision.address);
        match decision.user_agent {
            Some(user_agent) => self.text(user_agent),
            None => self.records.push(NOTHING),
        }
        self.request_id(decision.request_id);
        varint(&mut self.records, u64::from(decision.matrix_version));
        self.previous.remember_request(decision);
    }

    /// Writes only the part that differs from the last request id, because request ids share a
    /// prefix.
    fn request_id(&mut self, id: Option<&str>) {
        let Some(id) = id else {
            return varint(&mut self.records, 0);
        };
        let before = &self.previous.last_request_id;
        let pairs = id.char_indices().zip(before.chars());
        let shared = pairs.take_while(|((_, new), old)| new == old).last();
        let shared = shared.map_or(0, |((at, letter), _)| at + letter.len_utf8());
        varint(&mut self.records, length(shared).saturating_add(1));
        counted(&mut self.records, id.get(shared..).unwrap_or_default().as_bytes());
        self.previous.last_request_id.truncate(shared);
        self.previous.last_request_id.push_str(id.get(shared..).unwrap_or_default());
    }

    fn account(&mut self, account: AccountId) {
        let id = account.as_uuid();
        if self.accounts.refer(&mut self.records, id) {
            self.records.extend(id.as_bytes());
            self.filter.insert(Item::account(account));
        }
    }

    fn session(&mut self, session: SessionId) {
        let id = session.as_uuid();
        if self.sessions.refer(&mut self.records, id) {
            self.records.extend(id.as_bytes());
        }
    }

    fn address(&mut self, address: IpAddr) {
        if self.addresses.refer(&mut self.records, &address) {
            define_address(&mut self.records, address);
            self.filter.insert(Item::address(address));
        }
    }

    fn resource(&mut self, resource: &str) {
        if self.resources.refer(&mut self.records, resource) {
            counted(&mut self.records, resource.as_bytes());
            self.filter.insert(Item::resource(resource));
        }
    }

    fn text(&mut self, text: &str) {
        if self.texts.refer(&mut self.records, text) {
            define_text(&mut self.records, text);
        }
    }
}

/// Returns the tag of a record, which identifies a changed record if its block does not verify.
pub(super) fn tag(key: &Hmac<Sha256>, chain: ChainId, ordinal: u64, record: &[u8]) -> [u8; TAG] {
    let (chain, ordinal) = (chain.as_u64().to_be_bytes(), ordinal.to_be_bytes());
    let mut tag = [0; TAG];
    for (byte, full) in tag.iter_mut().zip(mac(key, &[&chain, &ordinal, record])) {
        *byte = full;
    }
    tag
}

const EARLIEST: Timestamp = Timestamp::from_micros(i64::MIN);
const LATEST: Timestamp = Timestamp::from_micros(i64::MAX);
