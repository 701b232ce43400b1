//! The revocation feed for its readers: entries in the order of their positions, and cursors as
//! reading positions.

use std::fmt;
use std::str::FromStr;

use portcullis_domain::Timestamp;
use portcullis_token::RevocationEntry;

use crate::StoreError;

/// An entry with its position in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Counts from 1.
    pub position: u64,
    /// A random number of the entry: it distinguishes two histories of one database, before and
    /// after the restore of an older state.
    pub mark: u32,
    /// The revocation.
    pub entry: RevocationEntry,
}

impl FeedEntry {
    /// The cursor of a reader that has read up to this entry.
    pub const fn cursor(&self) -> Cursor {
        Cursor { position: self.position, mark: self.mark }
    }
}

/// A reading position: the position of an entry and its mark, `<position>.<8 hex digits>`; `0` is
/// the beginning. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    position: u64,
    mark: u32,
}

/// The text is no cursor of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the revocation feed")]
pub struct CursorError;

impl Cursor {
    /// The beginning.
    pub const START: Self = Self { position: 0, mark: 0 };

    /// The position of the last read entry.
    pub const fn position(self) -> u64 {
        self.position
    }

    /// The cursor after deleted entries; there is no entry whose mark could be compared.
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
        // Each cursor has one spelling; any other text is refused.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

/// The reading position of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The last read entry.
    pub cursor: Cursor,
    /// Everything committed before this time has been read.
    pub as_of: Timestamp,
}

/// A part of the feed, from one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRange {
    /// The position of the last entry of the feed.
    pub head: u64,
    /// Entries up to this position were deleted.
    pub purged_through: u64,
    /// Entries that were needed no longer than this may have been deleted.
    pub horizon: Option<Timestamp>,
    /// No token that was issued before is accepted.
    pub issued_from: Option<Timestamp>,
    /// The entries at the requested positions.
    pub entries: Vec<FeedEntry>,
    /// Committed entries without a position, at most [`MAX_WAITING`].
    pub waiting: Vec<RevocationEntry>,
}

impl FeedRange {
    /// The entries after the cursor, if the range begins at it; `None` if the cursor is from
    /// another history, or before deleted entries.
    pub(super) fn after(&self, cursor: Cursor) -> Option<&[FeedEntry]> {
        if cursor.position == self.purged_through {
            let at_cursor = self.entries.iter().take_while(|next| next.position <= cursor.position);
            return self.entries.get(at_cursor.count()..);
        }
        match self.entries.split_first() {
            Some((first, rest)) if first.cursor() == cursor => Some(rest),
            _ => None,
        }
    }

    /// The start for a reader that has read nothing of this history.
    pub(super) const fn beginning(&self) -> Cursor {
        Cursor::past(self.purged_through)
    }

    pub(super) fn into_page(self, after: Cursor, as_of: Timestamp) -> Option<Page> {
        let entries = self.after(after)?.to_vec();
        let next = entries.last().map_or(after, FeedEntry::cursor);
        let as_of = (next.position >= self.head).then_some(as_of);
        Some(Page { entries, next, as_of })
    }
}

/// A page of entries for a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of their positions.
    pub entries: Vec<FeedEntry>,
    /// The cursor of the next page.
    pub next: Cursor,
    /// With this page, everything committed before this time has been read; `None` if the next page
    /// is available at once.
    pub as_of: Option<Timestamp>,
}

/// The reason why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The cursor is too old, or from another history: begin again with a snapshot.
    #[error("the feed does not go back to this cursor")]
    Expired,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Entries per read.
pub(super) const FEED_PAGE: u32 = 5_000;

/// Entries without a position per read.
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
