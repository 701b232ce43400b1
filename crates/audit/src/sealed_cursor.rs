//! Sealed cursors: a cursor of a response continues only the recorded search that it was issued
//! for.
//!
//! The text is the cursor, a dot, and a tag: HMAC-SHA-256 over the reader, the filter and the
//! cursor, cut to 16 bytes, in base64url. Without the tag, a forged cursor, or a valid one with
//! another filter, would read the audit log without an entry about this in the audit log.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::{Actor, AuditKeys, Cursor, CursorError, Filter};

impl AuditKeys {
    /// Returns the text with which this reader continues this search.
    pub fn seal_cursor(&self, cursor: Cursor, reader: Actor, filter: &Filter) -> String {
        let cursor = cursor.to_string();
        let tag = URL_SAFE_NO_PAD.encode(self.cursor_tag(&cursor, reader, filter));
        format!("{cursor}.{tag}")
    }

    /// Returns the cursor if it was issued to this reader for this search.
    pub fn open_cursor(
        &self,
        text: &str,
        reader: Actor,
        filter: &Filter,
    ) -> Result<Cursor, CursorError> {
        let (cursor, tag) = text.split_once('.').ok_or(CursorError)?;
        let mut found = [0; TAG];
        match URL_SAFE_NO_PAD.decode_slice(tag, &mut found) {
            Ok(TAG) => {}
            _ => return Err(CursorError),
        }
        let expected = self.cursor_tag(cursor, reader, filter);
        if bool::from(expected.ct_eq(&found)) { cursor.parse() } else { Err(CursorError) }
    }

    fn cursor_tag(&self, cursor: &str, reader: Actor, filter: &Filter) -> [u8; TAG] {
        // A filter consists of words, ids and numbers, which always have a text.
        let filter = serde_json::to_string(filter).unwrap_or_default();
        let mut search = Vec::new();
        for part in [&*reader.to_string(), &filter] {
            crate::encoding::text(&mut search, part);
        }
        let mut tag = [0; TAG];
        for (byte, full) in tag.iter_mut().zip(self.tag_cursor(&[&search, cursor.as_bytes()])) {
            *byte = full;
        }
        tag
    }
}

const TAG: usize = 16;

#[cfg(test)]
mod tests {
    use portcullis_domain::{AccountId, EventId, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::{EntryId, EventKind};

    fn reader(number: u128) -> Actor {
        Actor::Account(AccountId::from_uuid(Uuid::from_u128(number)))
    }

    #[test]
    fn a_cursor_goes_on_with_the_search_of_its_reader_and_with_no_other() {
        let keys = AuditKeys::new([1; 32], [2; 32]);
        let id = EntryId::Event(EventId::from_uuid(Uuid::from_u128(3)));
        let cursor = Cursor { at: Timestamp::from_seconds(9), id };
        let filter = Filter { kind: Some(EventKind::SignIn), ..Filter::default() };
        let text = keys.seal_cursor(cursor, reader(1), &filter);
        assert_eq!(keys.open_cursor(&text, reader(1), &filter), Ok(cursor));
        let refused = Err(CursorError);
        assert_eq!(keys.open_cursor(&text, reader(2), &filter), refused);
        assert_eq!(keys.open_cursor(&text, Actor::Operator, &filter), refused);
        assert_eq!(keys.open_cursor(&text, reader(1), &Filter::default()), refused);
        let other = AuditKeys::new([3; 32], [2; 32]);
        assert_eq!(other.open_cursor(&text, reader(1), &filter), refused);
        let (plain, tag) = text.split_once('.').unwrap();
        let later = Cursor { at: Timestamp::from_seconds(10), id };
        for made_up in [
            plain.to_owned(),
            format!("{plain}."),
            format!("{later}.{tag}"),
            format!("{plain}.{}", "A".repeat(22)),
            format!("{plain}.{tag}A"),
            format!("{plain}.{}", &tag[..20]),
            String::new(),
            ".".to_owned(),
        ] {
            assert_eq!(keys.open_cursor(&made_up, reader(1), &filter), refused, "{made_up:?}");
        }
    }
}
