//! Merges events and decisions into one stream, newest first, without sorting either table.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::mem;

use crate::{Block, BlockError, BlockReader, Cursor, Entry, EntryId, EventRecord, Filter};

/// The entries that match a filter, in the order of [`Cursor`]: newest first.
///
/// It merges two sources, each of which is read only as far as the stream is:
/// - events in descending order of (`at`, `id`);
/// - blocks in descending order of `until`. An entry is returned when no later block can contain a
///   newer one, so blocks of different nodes may overlap in time.
///
/// Sources may leave out entries that the filter or the cursor excludes, but need not.
///
/// The stream holds at most 16 MiB of entries of one block at a time, the newest first, and reads
/// the block again for the others: a text that is stored once may occur in every entry.
pub struct NewestFirst<'f, Events: Iterator, Blocks: Iterator> {
    filter: &'f Filter,
    after: Option<Cursor>,
    events: Peekable<Events>,
    blocks: Peekable<Blocks>,
    waiting: BinaryHeap<OrderedEntry>,
    unfinished: Vec<UnfinishedBlock>,
}

/// A block with entries that were not returned yet.
struct UnfinishedBlock {
    block: Block,
    /// The newest of these entries.
    newest: Cursor,
}

impl<'f, Events, Blocks, E> NewestFirst<'f, Events, Blocks>
where
    Events: Iterator<Item = Result<EventRecord, E>>,
    Blocks: Iterator<Item = Result<Block, E>>,
    E: From<BlockError>,
{
    /// Creates the stream of entries after the cursor, or from the newest on.
    pub fn new(
        filter: &'f Filter,
        after: Option<Cursor>,
        events: impl IntoIterator<IntoIter = Events>,
        blocks: impl IntoIterator<IntoIter = Blocks>,
    ) -> Self {
        let (events, blocks) = (events.into_iter().peekable(), blocks.into_iter().peekable());
        let (waiting, unfinished) = (BinaryHeap::new(), Vec::new());
        Self { filter, after, events, blocks, waiting, unfinished }
    }

    /// Moves the newest event or block into `waiting`, unless `waiting` has a newer entry than
    /// both.
    fn fetch(&mut self) -> Result<bool, E> {
        if let Some(block) = self.next_unfinished() {
            self.take_block(block.block, Some(block.newest))?;
            return Ok(true);
        }
        let waiting = self.waiting.peek().map(OrderedEntry::position);
        // An error counts as newest: it is returned at once.
        let event = self.events.peek().map(|event| event.as_ref().ok().map(position));
        let block = self.blocks.peek().map(|block| block.as_ref().ok().map(|block| block.until));
        let event_is_due = match (event, waiting) {
            (None, _) => false,
            (Some(Some(event)), Some(waiting)) => event > waiting,
            (Some(_), _) => true,
        };
        let block_is_due = match (block, waiting) {
            (None, _) => false,
            (Some(Some(until)), Some(waiting)) => until >= waiting.at,
            (Some(_), _) => true,
        };
        if event_is_due {
            if let Some(event) = self.events.next() {
                self.take_event(&event?);
            }
        } else if block_is_due && let Some(block) = self.blocks.next() {
            self.take_block(block?, None)?;
        }
        Ok(event_is_due || block_is_due)
    }

    fn take_event(&mut self, event: &EventRecord) {
        if self.is_wanted(position(event)) && self.filter.matches_event(event) {
            self.waiting.push(OrderedEntry(Entry::of_event(event).into_owned()));
        }
    }

    /// Returns the block with an entry newer than all in `waiting`.
    fn next_unfinished(&mut self) -> Option<UnfinishedBlock> {
        let waiting = self.waiting.peek().map(OrderedEntry::position);
        let is_due = |block: &UnfinishedBlock| waiting.is_none_or(|waiting| block.newest > waiting);
        let index = self.unfinished.iter().position(is_due)?;
        Some(self.unfinished.swap_remove(index))
    }

    /// Takes the newest entries of a block from `from` on, up to the memory limit.
    fn take_block(&mut self, block: Block, from: Option<Cursor>) -> Result<(), BlockError> {
        if !self.filter.may_match_block(block.from, block.until, &block.filter) {
            return Ok(());
        }
        let mut newest = BlockPage::beside(mem::take(&mut self.waiting));
        let outcome = self.read_block(&block, from, &mut newest);
        self.waiting = newest.entries.into();
        if let Some(newest) = newest.left_out {
            self.unfinished.push(UnfinishedBlock { block, newest });
        }
        outcome
    }

    fn read_block(
        &self,
        block: &Block,
        from: Option<Cursor>,
        newest: &mut BlockPage,
    ) -> Result<(), BlockError> {
        let mut decisions = BlockReader::new(&block.payload)?;
        while let Some((id, decision)) = decisions.read()? {
            let position = Cursor { at: decision.at, id: EntryId::Decision(id) };
            let is_left = from.is_none_or(|from| position <= from);
            if is_left && self.is_wanted(position) && self.filter.matches_decision(&decision) {
                newest.push(position, || Entry::of_decision(id, &decision).into_owned());
            }
        }
        Ok(())
    }

    fn is_wanted(&self, position: Cursor) -> bool {
        self.after.is_none_or(|after| position < after)
    }
}

impl<Events, Blocks, E> Iterator for NewestFirst<'_, Events, Blocks>
where
    Events: Iterator<Item = Result<EventRecord, E>>,
    Blocks: Iterator<Item = Result<Block, E>>,
    E: From<BlockError>,
{
    type Item = Result<Entry<'static>, E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fetch() {
                Ok(true) => {}
                Ok(false) => return self.waiting.pop().map(|newest| Ok(newest.0)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn position(event: &EventRecord) -> Cursor {
    Cursor { at: event.at, id: EntryId::Event(event.id) }
}

/// The newest entries of a block, up to the memory limit.
///
/// The entries follow those of `waiting` in the same allocation: a block may have tens of
/// thousands.
struct BlockPage {
    entries: Vec<OrderedEntry>,
    /// The index of the first entry of the block.
    begin: usize,
    /// The memory of the entries of the block, in bytes.
    bytes: usize,
    /// The newest entry of the block that is not included.
    left_out: Option<Cursor>,
}

impl BlockPage {
    fn beside(waiting: BinaryHeap<OrderedEntry>) -> Self {
        let entries = waiting.into_vec();
        Self { begin: entries.len(), entries, bytes: 0, left_out: None }
    }

    fn push(&mut self, position: Cursor, entry: impl FnOnce() -> Entry<'static>) {
        if self.left_out.is_some_and(|left_out| position < left_out) {
            return;
        }
        let entry = entry();
        self.bytes = self.bytes.saturating_add(entry.size());
        self.entries.push(OrderedEntry(entry));
        if self.bytes > MAX_BYTES && self.entries.len() - self.begin > 1 {
            self.halve();
        }
    }

    /// Removes the older half.
    fn halve(&mut self) {
        let of_block = self.entries.get_mut(self.begin..).unwrap_or_default();
        of_block.sort_unstable_by(|one, other| other.cmp(one));
        let (newer, older) = of_block.split_at(of_block.len() / 2);
        self.left_out = older.first().map(OrderedEntry::position).max(self.left_out);
        self.bytes = newer.iter().map(|newest| newest.0.size()).sum();
        let left = self.begin + newer.len();
        self.entries.truncate(left);
    }
}

/// The maximum memory for entries of one block, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// An entry that sorts as its cursor, so that the heap returns the newest first.
struct OrderedEntry(Entry<'static>);

impl OrderedEntry {
    const fn position(&self) -> Cursor {
        Cursor::after(&self.0)
    }
}

impl PartialEq for OrderedEntry {
    fn eq(&self, other: &Self) -> bool {
        self.position() == other.position()
    }
}

impl Eq for OrderedEntry {}

impl PartialOrd for OrderedEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedEntry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.position().cmp(&other.position())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use portcullis_domain::{EventId, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_one_block_the_newest_entries_are_held_and_no_more_bytes_than_may_be() {
        let record = EventRecord {
            id: EventId::from_uuid(Uuid::nil()),
            at: Timestamp::from_seconds(0),
            kind: String::new(),
            actor: String::new(),
            subject: None,
            session: None,
            address: String::new(),
            user_agent: None,
            request_id: None,
            outcome: String::new(),
            details: None,
        };
        let entry_at = |second| Entry {
            at: Timestamp::from_seconds(second),
            attributes: Some(Cow::Owned("x".repeat(1 << 20))),
            ..Entry::of_event(&record).into_owned()
        };
        let waiting = BinaryHeap::from([OrderedEntry(entry_at(-1))]);
        let mut newest = BlockPage::beside(waiting);
        // The clocks of nodes may be out of order in the same way.
        for second in (0..100).map(|number| number * 37 % 100) {
            let entry = entry_at(second);
            newest.push(Cursor::after(&entry), || entry);
            assert!(newest.bytes <= MAX_BYTES);
        }
        let mut held: Vec<i64> = newest.entries.iter().map(|it| it.0.at.as_seconds()).collect();
        held.sort_unstable();
        assert_eq!(held.remove(0), -1, "what waited already stays");
        let left_out = newest.left_out.expect("not all can be held").at.as_seconds();
        assert_eq!(held, (left_out + 1..100).collect::<Vec<_>>());
        assert!(held.len() >= 7, "{held:?}");
    }
}
