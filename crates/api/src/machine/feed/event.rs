//! Server-sent events of the revocation feed (WHATWG HTML section 9.2).

use actix_web::web::Bytes;
use portcullis_flows::node::revocation::{FeedEntry, FeedState};
use portcullis_token::RevocationEntry;
use serde_json::json;

/// `event: revoked` with these entries; its id is the cursor after them.
pub(crate) fn revoked(entries: &[FeedEntry]) -> Bytes {
    let Some(last) = entries.last() else { return Bytes::new() };
    let items: Vec<RevocationEntry> = entries.iter().map(|numbered| numbered.entry).collect();
    let items = serde_json::to_string(&items).unwrap_or_default();
    Bytes::from(format!("id: {}\nevent: revoked\ndata: {items}\n\n", last.cursor()))
}

/// `event: heartbeat`: a reader that has read up to the cursor knows everything that was committed
/// before `as_of`.
pub(crate) fn heartbeat(feed_state: FeedState) -> Bytes {
    let FeedState { cursor, as_of } = feed_state;
    let data = json!({ "as_of": as_of, "cursor": cursor.to_string() });
    Bytes::from(format!("event: heartbeat\ndata: {data}\n\n"))
}

/// The maximum of entries in one event, of about 60 bytes each: little waits for a slow reader.
pub(crate) const MAX_ENTRIES: u16 = 500;
