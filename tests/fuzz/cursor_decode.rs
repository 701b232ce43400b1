//! Any text is a cursor or is refused; a cursor has one spelling, and its query agrees with its order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_audit::{Cursor, DecisionId, EntryId};

fuzz_target!(|text: &str| {
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
        let (at, before) = cursor.events_before();
        assert_eq!(at, cursor.at);
        if let Some(id) = before {
            assert_eq!(cursor.id, EntryId::Event(id));
        }
    }
    if let Ok(id) = text.parse::<DecisionId>() {
        assert_eq!(id.to_string(), text);
    }
});
