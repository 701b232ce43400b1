//! The flags in the first byte of a record.

/// The request differs from that of the previous decision.
pub(super) const REQUEST: u8 = 1;
/// The decision allowed the action.
pub(super) const ALLOWED: u8 = 1 << 1;
/// Subject and role differ from those of the previous decision.
pub(super) const SUBJECT: u8 = 1 << 2;
/// The time differs from that of the previous decision.
pub(super) const TIME: u8 = 1 << 3;
pub(super) const OWNER: u8 = 1 << 4;
pub(super) const PARTIES: u8 = 1 << 5;
pub(super) const ATTRIBUTES: u8 = 1 << 6;
pub(super) const ALL: u8 = 0x7f;
