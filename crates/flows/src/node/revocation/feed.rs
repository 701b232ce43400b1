//! The feed as its readers see it: entries in the order of their positions, and cursors that say how
//! far somebody has read.

use std::fmt;
use std::str::FromStr;

use portcullis_domain::Timestamp;
use portcullis_token::RevocationEntry;

use crate::StoreError;

/// An entry with its place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Counts from 1.
    pub position: u64,
    /// A random number that goes with the entry: two histories of one database, before and after an
    /// older state was restored, differ in it.
    pub mark: u32,
    /// What is revoked.
    pub entry: RevocationEntry,
}

impl Numbered {
    /// Says that somebody has read up to this entry.
    pub const fn cursor(&self) -> Cursor {
        Cursor { position: self.position, mark: self.mark }
    }
}

/// How far somebody has read: the position of an entry and its mark, `<position>.<8 hex digits>`; `0`
/// is the beginning. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    position: u64,
    mark: u32,
}

/// No cursor of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the revocation feed")]
pub struct CursorError;

impl Cursor {
    /// Nothing was read.
    pub const START: Self = Self { position: 0, mark: 0 };

    /// The position of the last entry that was read.
    pub const fn position(self) -> u64 {
        self.position
    }

    /// Everything up to this position is gone; nothing is left there to be told apart by a mark.
    const fn past(purged_through: u64) -> Self {
        Self { position: purged_through, mark: 0 }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            0 => f.write_str("0"),
            position => write!(f, "{position}.{:08x}", self.mark),
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text == "0" {
            return Ok(Self::START);
        }
        let (position, mark) = text.split_once('.').ok_or(CursorError)?;
        let position = position.parse().map_err(|_| CursorError)?;
        let mark = u32::from_str_radix(mark, 16).map_err(|_| CursorError)?;
        let cursor = Self { position, mark };
        // One spelling for each cursor, so that what is no cursor is not guessed at.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

/// What this node knows of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The last entry it has read.
    pub cursor: Cursor,
    /// It has read everything that was committed before this.
    pub as_of: Timestamp,
}

/// A part of the feed, as everything was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRange {
    /// The position of the last entry of all.
    pub head: u64,
    /// Up to here entries were removed.
    pub purged_through: u64,
    /// Entries that were needed no longer than this may have been removed.
    pub horizon: Option<Timestamp>,
    /// The entries at the positions that were asked for.
    pub entries: Vec<Numbered>,
    /// Committed entries that have no position yet, [`MAX_WAITING`] of them at most.
    pub waiting: Vec<RevocationEntry>,
}

impl FeedRange {
    /// The entries after the cursor, if the range begins at it; `None` when the cursor is of another
    /// history, or points to what was removed.
    pub(super) fn after(&self, cursor: Cursor) -> Option<&[Numbered]> {
        if cursor.position == self.purged_through {
            let at_cursor = self.entries.iter().take_while(|next| next.position <= cursor.position);
            return self.entries.get(at_cursor.count()..);
        }
        match self.entries.split_first() {
            Some((first, rest)) if first.cursor() == cursor => Some(rest),
            _ => None,
        }
    }

    /// Where somebody begins who has read nothing of this history.
    pub(super) const fn beginning(&self) -> Cursor {
        Cursor::past(self.purged_through)
    }

    pub(super) fn into_page(self, after: Cursor, as_of: Timestamp) -> Option<Page> {
        let entries = self.after(after)?.to_vec();
        let next = entries.last().map_or(after, Numbered::cursor);
        let as_of = (next.position >= self.head).then_some(as_of);
        Some(Page { entries, next, as_of })
    }
}

/// Entries for a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of their positions.
    pub entries: Vec<Numbered>,
    /// What to ask with next.
    pub next: Cursor,
    /// With this page, everything was read that was committed before this; `None` when there is more
    /// to be read at once.
    pub as_of: Option<Timestamp>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The cursor is too old, or of a history that is no more: begin again with a snapshot.
    #[error("the feed does not go back to this cursor")]
    Expired,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Entries read at once.
pub(super) const FEED_PAGE: u32 = 5_000;

/// Entries without a position that are read at once.
pub const MAX_WAITING: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_printed() {
        for (cursor, text) in [
            (Cursor::START, "0"),
            (Cursor { position: 1, mark: 0 }, "1.00000000"),
            (Cursor { position: u64::MAX, mark: u32::MAX }, "18446744073709551615.ffffffff"),
        ] {
            assert_eq!(cursor.to_string(), text);
            assert_eq!(text.parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_was_not_printed_is_no_cursor() {
        for text in [
            "",
            "1",
            "00",
            "-1",
            "0.00000000",
            "1.0",
            "+1.00000000",
            "01.00000000",
            "1.0000000A",
            "1.+0000000",
            "1.000000000",
            "18446744073709551616.00000000",
            "1.00000000 ",
            "1.é",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
