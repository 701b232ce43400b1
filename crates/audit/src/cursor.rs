//! `Cursor`: the place of an entry in the order of all searches, for paging.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::{EventId, Timestamp};
use uuid::Uuid;

use crate::encoding::Bytes;
use crate::{ChainId, DecisionId, Entry, EntryId};

/// The end of a page of a search: the time and the id of its last entry.
///
/// All entries have one order, by time and then by id, whatever table they are in; the next page
/// contains the entries before the cursor in that order. So pages neither overlap nor leave gaps,
/// and entries that are added meanwhile are newer than all of them.
///
/// Its text is opaque: base64url of a version byte, the time, a byte for the kind of entry, and the
/// 16 bytes of the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The time of the last entry of the page.
    pub at: Timestamp,
    /// The id of the last entry of the page.
    pub id: EntryId,
}

impl Cursor {
    /// Returns the cursor that continues after this entry.
    pub const fn after(entry: &Entry<'_>) -> Self {
        Self { at: entry.at, id: entry.id }
    }

    /// Returns the bound for a query of events after the cursor: those before the time, and those
    /// at that time with a smaller id, or all at that time if the id is `None`.
    pub const fn events_before(&self) -> (Timestamp, Option<EventId>) {
        match self.id {
            EntryId::Event(id) => (self.at, Some(id)),
            EntryId::Decision(_) => (self.at, None),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.at.as_micros().to_be_bytes());
        match self.id {
            EntryId::Event(id) => {
                bytes.push(EVENT);
                bytes.extend(id.as_uuid().as_bytes());
            }
            EntryId::Decision(id) => {
                bytes.push(DECISION);
                bytes.extend(id.chain.as_u64().to_be_bytes());
                bytes.extend(id.ordinal.to_be_bytes());
            }
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut buffer = [0; LENGTH];
        // A longer text does not fit and is refused without decoding.
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).map_err(|_| CursorError)?;
        if length != LENGTH {
            return Err(CursorError);
        }
        read(Bytes(&buffer)).ok_or(CursorError)
    }
}

/// The text is not a cursor of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this server; start again without one")]
pub struct CursorError;

fn read(mut bytes: Bytes<'_>) -> Option<Cursor> {
    if bytes.byte()? != VERSION {
        return None;
    }
    let at = Timestamp::from_micros(i64::from_be_bytes(bytes.array()?));
    let id = match bytes.byte()? {
        EVENT => EntryId::Event(EventId::from_uuid(Uuid::from_bytes(bytes.array()?))),
        DECISION => EntryId::Decision(DecisionId {
            chain: ChainId::from_u64(u64::from_be_bytes(bytes.array()?))?,
            ordinal: u64::from_be_bytes(bytes.array()?),
        }),
        _ => return None,
    };
    Some(Cursor { at, id })
}

const VERSION: u8 = 1;
const EVENT: u8 = 0;
const DECISION: u8 = 1;

/// The size of a cursor, in bytes.
const LENGTH: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursors() -> impl Strategy<Value = Cursor> {
        let event =
            any::<u128>().prop_map(|id| EntryId::Event(EventId::from_uuid(Uuid::from_u128(id))));
        let decision = (0..=i64::MAX, any::<u64>()).prop_map(|(chain, ordinal)| {
            EntryId::Decision(DecisionId { chain: ChainId::from_i64(chain).unwrap(), ordinal })
        });
        let id = prop_oneof![event, decision];
        (any::<i64>(), id).prop_map(|(at, id)| Cursor { at: Timestamp::from_micros(at), id })
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(cursor in cursors()) {
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn decoding_is_total_and_every_cursor_has_one_spelling(text in ".{0,60}|[A-Za-z0-9_-]{35}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn a_damaged_cursor_is_refused_or_another(cursor in cursors(), at in 0_usize..35, to in "[A-Za-z0-9_=-]") {
            let mut text = cursor.to_string();
            text.replace_range(at..=at, &to);
            if let Ok(other) = text.parse::<Cursor>() {
                prop_assert_eq!(other == cursor, text == cursor.to_string());
            }
        }
    }

    #[test]
    fn events_of_the_same_time_come_after_the_decisions_of_that_time() {
        let at = Timestamp::from_seconds(9);
        let id = EventId::from_uuid(Uuid::from_u128(3));
        let decision = DecisionId { chain: ChainId::from_i64(16).unwrap(), ordinal: 1 };
        let (event, decision) = (EntryId::Event(id), EntryId::Decision(decision));
        assert_eq!(Cursor { at, id: event }.events_before(), (at, Some(id)));
        assert_eq!(Cursor { at, id: decision }.events_before(), (at, None));
        assert!(Cursor { at, id: event } < Cursor { at, id: decision });
    }
}
