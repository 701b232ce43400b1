//! Reads the decisions of a block, and finds the first decision that was changed.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use portcullis_domain::{AccountId, SessionId, Timestamp};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::dictionary::{NOTHING, Text, read_address, read_text, read_uuid, refer};
use super::writer::tag;
use super::{BlockError, Header, TAG, flag};
use crate::encoding::Bytes;
use crate::{AuditKeys, ChainId, DecisionId, DecisionRecord};

/// Reads the decisions of one block, in the order of their ordinals.
///
/// Reading ends for any payload, and uses memory in proportion to it. The reader does not verify: a
/// block that can be read may still be forged.
#[derive(Debug)]
pub struct BlockReader<'p> {
    chain: ChainId,
    next_ordinal: u64,
    left: u32,
    bytes: Bytes<'p>,
    current: Current,
    accounts: Vec<Uuid>,
    sessions: Vec<Uuid>,
    addresses: Vec<IpAddr>,
    resources: Vec<&'p str>,
    texts: Vec<Text<'p>>,
}

impl<'p> BlockReader<'p> {
    /// Starts at the first decision of the block with this payload.
    pub fn new(payload: &'p [u8]) -> Result<Self, BlockError> {
        let (header, bytes) = Header::read(payload).ok_or(BlockError::Header)?;
        Ok(Self {
            chain: header.chain,
            next_ordinal: header.first_ordinal,
            left: header.count,
            bytes,
            current: Current::nothing(),
            accounts: Vec::new(),
            sessions: Vec::new(),
            addresses: Vec::new(),
            resources: Vec::new(),
            texts: Vec::new(),
        })
    }

    /// Returns the next decision and its id; `None` after the last.
    ///
    /// The record borrows from the reader until the next call, so this is not an [`Iterator`].
    pub fn read(&mut self) -> Result<Option<(DecisionId, DecisionRecord<'_>)>, BlockError> {
        let id = DecisionId { chain: self.chain, ordinal: self.next_ordinal };
        let broken = BlockError::Decision(id);
        if self.left == 0 {
            return if self.bytes.is_empty() { Ok(None) } else { Err(broken) };
        }
        self.advance().ok_or(broken)?;
        self.bytes.take(TAG).ok_or(broken)?;
        self.left -= 1;
        self.next_ordinal = self.next_ordinal.checked_add(1).ok_or(broken)?;
        self.record().map(|record| Some((id, record))).ok_or(broken)
    }

    /// Reads one record, without its tag, into `current`.
    fn advance(&mut self) -> Option<()> {
        let flags = self.bytes.byte()?;
        if flags & !flag::ALL != 0 {
            return None;
        }
        self.current.flags = flags;
        if flags & flag::REQUEST != 0 {
            self.advance_request()?;
        }
        if flags & flag::TIME != 0 {
            let before = self.current.at.as_micros();
            self.current.at = Timestamp::from_micros(before.wrapping_add(self.bytes.zigzag()?));
        }
        if flags & flag::SUBJECT != 0 {
            self.current.subject = self.account()?;
            self.current.role = self.text()?;
        }
        self.current.resource = refer(&mut self.bytes, &mut self.resources, Bytes::text)?;
        self.current.action = self.text()?;
        self.current.reason = self.text()?;
        if flags & flag::OWNER != 0 {
            self.current.owner = self.text()?;
        }
        if flags & flag::PARTIES != 0 {
            self.current.parties.clear();
            for _ in 0..self.bytes.varint()? {
                let party = self.text()?;
                self.current.parties.push(party);
            }
        }
        if flags & flag::ATTRIBUTES != 0 {
            self.current.attributes = self.text()?;
        }
        Some(())
    }

    fn advance_request(&mut self) -> Option<()> {
        self.current.caller = Some(self.account()?);
        self.current.session = if self.skip_nothing() { None } else { Some(self.session()?) };
        let address = refer(&mut self.bytes, &mut self.addresses, read_address)?;
        self.current.address = *self.addresses.get(address)?;
        self.current.user_agent = if self.skip_nothing() { None } else { Some(self.text()?) };
        let shared = self.bytes.varint()?;
        self.current.has_request_id = shared > 0;
        if let Some(shared) = shared.checked_sub(1) {
            let shared = usize::try_from(shared).ok()?;
            self.current.request_id.get(..shared)?;
            self.current.request_id.truncate(shared);
            self.current.request_id.push_str(self.bytes.text()?);
        }
        self.current.matrix_version = u32::try_from(self.bytes.varint()?).ok()?;
        Some(())
    }

    fn account(&mut self) -> Option<AccountId> {
        let index = refer(&mut self.bytes, &mut self.accounts, read_uuid)?;
        self.accounts.get(index).copied().map(AccountId::from_uuid)
    }

    fn session(&mut self) -> Option<SessionId> {
        let index = refer(&mut self.bytes, &mut self.sessions, read_uuid)?;
        self.sessions.get(index).copied().map(SessionId::from_uuid)
    }

    fn text(&mut self) -> Option<usize> {
        refer(&mut self.bytes, &mut self.texts, read_text)
    }

    /// Reads a reference to nothing, if the next bytes are one.
    fn skip_nothing(&mut self) -> bool {
        let rest = self.bytes.0.strip_prefix(&[NOTHING]);
        self.bytes.0 = rest.unwrap_or(self.bytes.0);
        rest.is_some()
    }

    /// Returns the record that `current` describes.
    fn record(&self) -> Option<DecisionRecord<'_>> {
        let current = &self.current;
        let text = |index: usize| self.texts.get(index).and_then(Text::as_str);
        let given = |flag, index| current.has(flag).then(|| text(index)).flatten();
        let parties = || current.parties.iter().map(|index| text(*index)).collect::<Option<_>>();
        Some(DecisionRecord {
            at: current.at,
            caller: current.caller?,
            session: current.session,
            address: current.address,
            user_agent: current.user_agent.and_then(text),
            request_id: current.has_request_id.then_some(&current.request_id),
            subject: current.subject,
            role: text(current.role)?,
            resource: self.resources.get(current.resource)?,
            action: text(current.action)?,
            owner: given(flag::OWNER, current.owner),
            parties: current.has(flag::PARTIES).then(parties).flatten().map(Cow::Owned),
            attributes: given(flag::ATTRIBUTES, current.attributes),
            matrix_version: current.matrix_version,
            allowed: current.has(flag::ALLOWED),
            reason: text(current.reason)?,
        })
    }
}

/// Returns the first decision whose record was changed after it was written, if its tag shows one.
///
/// The result is meaningful only for a block that does not match its link.
pub(crate) fn first_changed(keys: &AuditKeys, payload: &[u8]) -> Option<DecisionId> {
    let mut reader = BlockReader::new(payload).ok()?;
    loop {
        let id = DecisionId { chain: reader.chain, ordinal: reader.next_ordinal };
        let before = reader.bytes.0;
        match reader.read() {
            Ok(None) | Err(BlockError::Header) => return None,
            Err(BlockError::Decision(id)) => return Some(id),
            Ok(Some(_)) => {}
        }
        let length = before.len() - reader.bytes.0.len();
        let (record, found) = before.get(..length)?.split_at_checked(length - TAG)?;
        let expected = tag(keys.entries(), id.chain, id.ordinal, record);
        if !bool::from(expected.ct_eq(found)) {
            return Some(id);
        }
    }
}

/// The values of the last record, references by their index.
#[derive(Debug)]
struct Current {
    flags: u8,
    caller: Option<AccountId>,
    session: Option<SessionId>,
    address: IpAddr,
    user_agent: Option<usize>,
    has_request_id: bool,
    request_id: String,
    matrix_version: u32,
    at: Timestamp,
    subject: AccountId,
    role: usize,
    resource: usize,
    action: usize,
    reason: usize,
    owner: usize,
    parties: Vec<usize>,
    attributes: usize,
}

impl Current {
    /// The values before the first record. A first record without a caller or a subject is damaged.
    const fn nothing() -> Self {
        Self {
            flags: 0,
            caller: None,
            session: None,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            user_agent: None,
            has_request_id: false,
            request_id: String::new(),
            matrix_version: 0,
            at: Timestamp::from_micros(0),
            subject: AccountId::from_uuid(Uuid::nil()),
            role: usize::MAX,
            resource: usize::MAX,
            action: usize::MAX,
            reason: usize::MAX,
            owner: usize::MAX,
            parties: Vec::new(),
            attributes: usize::MAX,
        }
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
