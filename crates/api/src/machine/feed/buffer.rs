//! In-memory buffer of the newest feed entries, shared by all followers.
//!
//! The only state of a follower is its position. A slow follower falls behind and delays no other;
//! if the buffer no longer holds its position, it is served from the database.

use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use actix_web::web::Bytes;
use portcullis_flows::node::revocation::{Cursor, FeedEntry, FeedState};
use tokio::sync::watch;

use super::event;

/// The newest entries of the feed.
pub(crate) struct FeedBuffer {
    kept: RwLock<BufferedEntries>,
    news: watch::Sender<FeedUpdate>,
}

struct BufferedEntries {
    /// Another number means that an older state of the database was restored, and that all earlier
    /// positions are invalid.
    history: u64,
    /// The last entry of the feed, in the buffer or not.
    head: Cursor,
    /// The entries, without gaps.
    chunks: VecDeque<Chunk>,
    entries: usize,
}

/// Entries that are sent together.
struct Chunk {
    entries: Vec<FeedEntry>,
    event: Bytes,
}

/// The update that followers wait for.
#[derive(Clone)]
pub(crate) struct FeedUpdate {
    /// The position of this node in the feed.
    pub(crate) heartbeat: Heartbeat,
    /// True if the server is about to stop.
    pub(crate) is_over: bool,
}

/// Proof that the feed is up to date.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    /// The number, from 1; 0 is none.
    pub(crate) number: u64,
    /// A follower that has read less must not get this heartbeat.
    pub(crate) position: u64,
    pub(crate) event: Bytes,
}

/// The continuation of the feed after a position.
pub(crate) enum Next {
    /// An event, and the position after it.
    Event(Bytes, Cursor),
    /// No further entry.
    UpToDate,
    /// The next entries are only in the database.
    NotKept,
    /// The position belongs to a history that an older backup has replaced.
    HistoryReplaced,
}

impl FeedBuffer {
    pub(crate) fn new() -> Self {
        let kept = BufferedEntries {
            history: 0,
            head: Cursor::START,
            chunks: VecDeque::new(),
            entries: 0,
        };
        let heartbeat = Heartbeat { number: 0, position: 0, event: Bytes::new() };
        let news = FeedUpdate { heartbeat, is_over: false };
        Self { kept: RwLock::new(kept), news: watch::Sender::new(news) }
    }

    /// Sets the head of the feed at the start of the node, unless entries have arrived since.
    pub(crate) fn begin_at(&self, head: Cursor) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.chunks.is_empty() {
            kept.head = head;
        }
    }

    /// Adds entries and notifies the followers.
    pub(crate) fn extend(&self, entries: &[FeedEntry]) {
        let Some(first) = entries.first() else { return };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if first.position != kept.head.position().saturating_add(1) {
            kept.history += 1;
            kept.chunks.clear();
            kept.entries = 0;
        }
        for entries in entries.chunks(event::MAX_ENTRIES.into()) {
            kept.push(entries);
        }
        drop(kept);
        self.news.send_modify(|_| {});
    }

    /// Sends a heartbeat to every follower that has all entries.
    pub(crate) fn beat(&self, feed_state: FeedState) {
        self.news.send_modify(|news| {
            news.heartbeat = Heartbeat {
                number: news.heartbeat.number + 1,
                position: feed_state.cursor.position(),
                event: event::heartbeat(feed_state),
            };
        });
    }

    /// Ends all followers.
    pub(crate) fn close(&self) {
        self.news.send_modify(|news| news.is_over = true);
    }

    /// Subscribes to the next updates.
    pub(crate) fn subscribe(&self) -> watch::Receiver<FeedUpdate> {
        self.news.subscribe()
    }

    /// The number of followers.
    pub(crate) fn followers(&self) -> usize {
        self.news.receiver_count()
    }

    /// True if the cursor belongs to the present history and the buffer holds the entries after it.
    pub(crate) fn holds(&self, cursor: Cursor) -> bool {
        let kept = self.kept();
        kept.head == cursor
            || kept.chunk_with(cursor.position()).is_some_and(|chunk| {
                chunk.entries.iter().any(|numbered| numbered.cursor() == cursor)
            })
    }

    /// The number of the present history, for positions found from now on.
    pub(crate) fn history(&self) -> u64 {
        self.kept().history
    }

    /// The continuation after a position of that history.
    pub(crate) fn after(&self, position: u64, history: u64) -> Next {
        let kept = self.kept();
        if history != kept.history {
            return Next::HistoryReplaced;
        }
        if position >= kept.head.position() {
            return Next::UpToDate;
        }
        let Some(chunk) = kept.chunk_with(position + 1) else { return Next::NotKept };
        let read = chunk.entries.iter().take_while(|numbered| numbered.position <= position);
        let event = match chunk.entries.get(read.count()..) {
            Some(rest) if rest.len() < chunk.entries.len() => event::revoked(rest),
            _ => chunk.event.clone(),
        };
        Next::Event(event, chunk.end())
    }

    fn kept(&self) -> RwLockReadGuard<'_, BufferedEntries> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BufferedEntries {
    fn push(&mut self, entries: &[FeedEntry]) {
        let chunk = Chunk { entries: entries.to_vec(), event: event::revoked(entries) };
        self.head = chunk.end();
        self.entries += entries.len();
        self.chunks.push_back(chunk);
        while self.entries > MAX_KEPT {
            let Some(oldest) = self.chunks.pop_front() else { break };
            self.entries -= oldest.entries.len();
        }
    }

    fn chunk_with(&self, position: u64) -> Option<&Chunk> {
        let place = self.chunks.partition_point(|chunk| chunk.end().position() < position);
        let chunk = self.chunks.get(place)?;
        chunk.entries.first().is_some_and(|first| first.position <= position).then_some(chunk)
    }
}

impl Chunk {
    fn end(&self) -> Cursor {
        self.entries.last().map_or(Cursor::START, FeedEntry::cursor)
    }
}

/// The maximum of entries in memory, of about 120 bytes each.
const MAX_KEPT: usize = 20_000;

#[cfg(test)]
mod tests {
    use portcullis_domain::{SystemRandom, Timestamp, TokenId};
    use portcullis_token::{Revocation, RevocationEntry};

    use super::*;

    #[test]
    fn who_has_read_a_part_of_an_event_is_sent_the_rest_of_it() {
        let buffer = FeedBuffer::new();
        let entries = entries(1, 5);
        buffer.extend(&entries);
        let all = read(&buffer, 0);
        assert_eq!(all, (String::from_utf8(event::revoked(&entries).to_vec()).unwrap(), 5));
        let rest = read(&buffer, 3);
        assert_eq!(rest.0, String::from_utf8(event::revoked(&entries[3..]).to_vec()).unwrap());
        assert_eq!(rest.1, 5);
        assert!(matches!(buffer.after(5, 0), Next::UpToDate));
        assert!(matches!(buffer.after(9, 0), Next::UpToDate), "another node may be ahead");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_and_are_elsewhere_then() {
        let buffer = FeedBuffer::new();
        for first in (0..30).map(|round| round * 1_000 + 1) {
            buffer.extend(&entries(first, 1_000));
        }
        assert!(matches!(buffer.after(0, 0), Next::NotKept));
        let mut position = 10_500;
        while let Next::Event(_, end) = buffer.after(position, buffer.history()) {
            assert!(end.position() > position);
            position = end.position();
        }
        assert_eq!(position, 30_000);
    }

    #[test]
    fn a_place_is_known_by_its_mark_and_not_only_by_its_number() {
        let buffer = FeedBuffer::new();
        let entries = entries(1, 600);
        buffer.extend(&entries);
        for numbered in [&entries[0], &entries[499], &entries[599]] {
            assert!(buffer.holds(numbered.cursor()));
            let other = FeedEntry { mark: numbered.mark ^ 1, ..*numbered };
            assert!(!buffer.holds(other.cursor()));
        }
        assert!(!buffer.holds(Cursor::START), "what comes after it may not be all that there was");
    }

    #[test]
    fn a_node_that_began_late_knows_its_beginning() {
        let buffer = FeedBuffer::new();
        let before = entries(7, 1)[0].cursor();
        buffer.begin_at(before);
        assert!(buffer.holds(before));
        buffer.extend(&entries(8, 2));
        assert_eq!(buffer.history(), 0);
        buffer.begin_at(Cursor::START);
        assert!(buffer.holds(entries(9, 1)[0].cursor()), "what was heard since counts");
        assert!(matches!(buffer.after(6, 0), Next::NotKept));
        assert_eq!(read(&buffer, 7).1, 9);
    }

    #[test]
    fn another_history_makes_every_place_void() {
        let buffer = FeedBuffer::new();
        buffer.extend(&entries(1, 10));
        let before = buffer.history();
        buffer.extend(&entries(11, 1));
        assert_eq!(buffer.history(), before);
        buffer.extend(&entries(4, 9));
        assert!(matches!(buffer.after(11, before), Next::HistoryReplaced));
        assert!(!buffer.holds(entries(3, 1)[0].cursor()));
        assert_eq!(read(&buffer, 3).1, 12);
    }

    fn read(buffer: &FeedBuffer, position: u64) -> (String, u64) {
        match buffer.after(position, buffer.history()) {
            Next::Event(bytes, end) => (String::from_utf8(bytes.to_vec()).unwrap(), end.position()),
            _ => panic!("nothing after {position}"),
        }
    }

    fn entries(first: u64, count: u64) -> Vec<FeedEntry> {
        let now = Timestamp::from_seconds(1_800_000_000);
        let numbered = |position| FeedEntry {
            position,
            mark: u32::try_from(position).unwrap() * 7,
            entry: RevocationEntry {
                revocation: Revocation::Token(TokenId::generate(now, &SystemRandom)),
                until: now,
            },
        };
        (first..first + count).map(numbered).collect()
    }
}
