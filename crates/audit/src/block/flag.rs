//! What the first byte of a record says.

/// The request is another than that of the decision before.
pub(super) const REQUEST: u8 = 1;
/// The answer was yes.
pub(super) const ALLOWED: u8 = 1 << 1;
/// Subject and role are others than those of the decision before.
pub(super) const SUBJECT: u8 = 1 << 2;
/// The time is another than that of the decision before.
pub(super) const TIME: u8 = 1 << 3;
pub(super) const OWNER: u8 = 1 << 4;
pub(super) const PARTIES: u8 = 1 << 5;
pub(super) const ATTRIBUTES: u8 = 1 << 6;
pub(super) const ALL: u8 = 0x7f;
