//! Search and export of the audit log, and the reason of one decision. Each reading is itself
//! recorded.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{
    Block, BlockError, BlockReader, ChainId, Cursor, DecisionId, Details, Entry, EntryId,
    EventKind, EventRecord, ExportFormat, Filter, NewestFirst, Outcome, SecurityEvent,
};
use portcullis_domain::{AccountId, Ambient, EventId, Timestamp};

use crate::StoreError;
use crate::principal::Principal;

/// The port for reading the audit log.
pub trait AuditLogStore: Send + Sync {
    /// Events that match the filter, newest first by (`at`, `id`): those before the time, and at
    /// exactly that time those with a smaller id. At most `most`. If the filter names an account,
    /// its refreshes are included, each as an event with the id of the new refresh token.
    fn events(
        &self,
        filter: &Filter,
        before: Option<(Timestamp, Option<EventId>)>,
        most: u32,
    ) -> Result<Vec<EventRecord>, StoreError>;

    /// Examines at most `most` blocks in descending order of their places, from `start` on, and
    /// returns those that may hold a match and begin no later than `latest`. It stops early at 4
    /// MiB of payloads, and before a block that is [too large](AuditLogError::TooLarge), which is an
    /// error if it comes first.
    fn blocks(
        &self,
        filter: &Filter,
        latest: Option<Timestamp>,
        start: Option<BlockPosition>,
        most: u32,
    ) -> Result<BlockPage, AuditLogError>;

    /// The block that would hold the decision.
    fn block_with(&self, decision: DecisionId) -> Result<Option<Block>, AuditLogError>;

    /// Appends an event in a transaction of its own.
    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// The position of a block among all blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockPosition {
    /// The latest time of a decision in it.
    pub until: Timestamp,
    /// The chain of the block.
    pub chain: ChainId,
    /// The ordinal of its first decision.
    pub first_ordinal: u64,
}

/// A page of blocks.
#[derive(Debug, Default)]
pub struct BlockPage {
    /// Newest first.
    pub blocks: Vec<Block>,
    /// The exclusive start of the next page; `None` at the end.
    pub next: Option<BlockPosition>,
}

/// The maximum time span of a block: a search that begins at some time can skip all blocks that end
/// so much later.
pub const MAX_BLOCK_SPAN: Duration = Duration::from_secs(60);

/// The maximum payload that is read, in bytes. Blocks of this version are much smaller; earlier
/// versions were bounded by the database only.
pub const MAX_BLOCK_BYTES: u64 = 64 << 20;

/// A page of entries, newest first.
#[derive(Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry<'static>>,
    /// The start of the next page; `None` at the end.
    pub next: Option<Cursor>,
    /// The place of the newest entry, or now if there is none: later entries are [newer](AuditLog::newer).
    pub newest: Cursor,
}

/// The maximum time between a decision and its storage: the longest window of recording.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The reason why the audit log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// A block is damaged; `audit verify` reports where.
    #[error("a stored block of decisions cannot be read: {0}")]
    Damaged(#[from] BlockError),
    /// A block that an earlier version wrote is larger than [`MAX_BLOCK_BYTES`].
    #[error(
        "a stored block of {bytes} bytes, with decisions from {from} until {until}, is too large"
    )]
    TooLarge {
        /// The earliest time of a decision in it.
        from: Timestamp,
        /// The latest time of a decision in it.
        until: Timestamp,
        /// Bytes of its payload.
        bytes: u64,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the audit log and records each reading.
pub struct AuditLog {
    store: Arc<dyn AuditLogStore>,
    ambient: Ambient,
}

impl AuditLog {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn AuditLogStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// One page of at most `most` entries. The first page of a search is recorded.
    pub fn search(
        &self,
        principal: &Principal,
        filter: &Filter,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Page, AuditLogError> {
        if after.is_none() {
            let details = Details::Search { filter: filter.clone() };
            self.record(EventKind::AuditSearched, principal, filter.subject, details)?;
        }
        let mut stream = self.stream(filter, after);
        let entries = stream.by_ref().take(most).collect::<Result<Vec<_>, _>>()?;
        let more = stream.next().transpose()?.is_some();
        let next = entries.last().filter(|_| more).map(Cursor::after);
        let newest = entries.first().map_or_else(|| self.now(), Cursor::after);
        Ok(Page { entries, next, newest })
    }

    /// The newest entries of a recorded search since this place, at most `most`; not recorded again.
    ///
    /// A decision is stored later than its time. So entries of the last ten seconds before the place come again:
    /// the reader tells new ones by their ids. `next` is set if entries after the place are left out.
    pub fn newer(
        &self,
        filter: &Filter,
        since: Cursor,
        most: usize,
    ) -> Result<Page, AuditLogError> {
        let from = since.at - MAX_DELAY;
        let from = filter.from.map_or(from, |earliest| earliest.max(from));
        let filter = Filter { from: Some(from), ..filter.clone() };
        let mut stream = self.stream(&filter, None);
        let entries = stream.by_ref().take(most).collect::<Result<Vec<_>, _>>()?;
        let more = stream.next().transpose()?.is_some_and(|entry| entry.at > since.at);
        let next = entries.last().filter(|_| more).map(Cursor::after);
        let newest = entries.first().map_or(since, Cursor::after).max(since);
        Ok(Page { entries, next, newest })
    }

    /// The place of an entry that would be made now.
    fn now(&self) -> Cursor {
        let at = self.ambient.now();
        Cursor { at, id: EntryId::Event(EventId::generate(at, &*self.ambient.random)) }
    }

    /// All matches, newest first, read on demand. The export is recorded before it begins.
    pub fn export<'t>(
        &'t self,
        principal: &Principal,
        filter: &'t Filter,
        format: ExportFormat,
    ) -> Result<impl Iterator<Item = Result<Entry<'static>, AuditLogError>> + 't, AuditLogError>
    {
        let details = Details::Export { filter: filter.clone(), format };
        self.record(EventKind::AuditExported, principal, filter.subject, details)?;
        Ok(self.stream(filter, None))
    }

    /// All matches, newest first, read on demand, for a use case that records the reading itself.
    pub(crate) fn entries<'t>(
        &'t self,
        filter: &'t Filter,
    ) -> impl Iterator<Item = Result<Entry<'static>, AuditLogError>> + 't {
        self.stream(filter, None)
    }

    /// One decision with its reason; `None` if it is unknown or not stored yet.
    pub fn decision(
        &self,
        principal: &Principal,
        wanted: DecisionId,
    ) -> Result<Option<Entry<'static>>, AuditLogError> {
        let Some(block) = self.store.block_with(wanted)? else { return Ok(None) };
        let mut decisions = BlockReader::new(&block.payload)?;
        while let Some((id, decision)) = decisions.read()? {
            if id == wanted {
                let subject = Some(decision.subject);
                let entry = Entry::of_decision(id, &decision).into_owned();
                let details = Details::Decision { decision: id };
                self.record(EventKind::DecisionRead, principal, subject, details)?;
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn stream<'t>(
        &'t self,
        filter: &'t Filter,
        after: Option<Cursor>,
    ) -> impl Iterator<Item = Result<Entry<'static>, AuditLogError>> + 't {
        NewestFirst::new(
            filter,
            after,
            events(&*self.store, filter, after),
            blocks(&*self.store, filter, after.map(|cursor| cursor.at)),
        )
    }

    /// Records a reading. `about` is the account whose entries were read, if it is one.
    pub(crate) fn record(
        &self,
        kind: EventKind,
        principal: &Principal,
        about: Option<AccountId>,
        details: Details,
    ) -> Result<(), StoreError> {
        let now = self.ambient.now();
        let event = SecurityEvent::new(
            kind,
            Outcome::Success,
            &principal.origin,
            now,
            &*self.ambient.random,
        );
        let event = SecurityEvent { subject: about, ..event };
        self.store.record(&event.by(principal.actor).with(details))
    }
}

fn events<'s>(
    store: &'s dyn AuditLogStore,
    filter: &'s Filter,
    after: Option<Cursor>,
) -> impl Iterator<Item = Result<EventRecord, AuditLogError>> + 's {
    let mut before = after.map(|cursor| cursor.events_before());
    let mut more = filter.may_match_events();
    pages(move || {
        if !more {
            return Ok(None);
        }
        let page = store.events(filter, before, PAGE)?;
        more = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        before = page.last().map(|last| (last.at, Some(last.id)));
        Ok(Some(page))
    })
}

/// The blocks of a time span, newest first.
pub(crate) fn blocks<'s>(
    store: &'s dyn AuditLogStore,
    filter: &'s Filter,
    latest: Option<Timestamp>,
) -> impl Iterator<Item = Result<Block, AuditLogError>> + 's {
    let mut start = None;
    let mut more = filter.may_match_decisions();
    pages(move || {
        if !more {
            return Ok(None);
        }
        let BlockPage { blocks, next } = store.blocks(filter, latest, start, PAGE)?;
        (start, more) = (next, next.is_some());
        Ok(Some(blocks))
    })
}

/// The items of all pages in order; a page is read when the previous one is used up.
fn pages<T>(
    mut next_page: impl FnMut() -> Result<Option<Vec<T>>, AuditLogError>,
) -> impl Iterator<Item = Result<T, AuditLogError>> {
    let mut page = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(item) = page.next() {
                return Some(Ok(item));
            }
            match next_page() {
                Ok(Some(items)) => page = items.into_iter(),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// Rows per read.
const PAGE: u32 = 256;
