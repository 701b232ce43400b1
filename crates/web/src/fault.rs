//! Faults of values that have the right type. A type of a body reports one by
//! [`custom`](serde::de::Error::custom), with nothing but the stable code as the text.

/// A character that no text may hold.
pub const FORBIDDEN_CHARACTER: &str = "forbidden_character";
/// More bytes than a text may have.
pub const TOO_LONG: &str = "too_long";
/// A name that an object has twice.
pub const DUPLICATE: &str = "duplicate";
/// Arrays and objects too deep inside each other.
pub const TOO_DEEP: &str = "too_deep";

const ALL: [(&str, &str); 4] = [
    (FORBIDDEN_CHARACTER, "control and bidirectional characters and hidden tags are not allowed"),
    (TOO_LONG, "use at most 256 bytes of UTF-8"),
    (DUPLICATE, "each name may appear only once in an object"),
    (TOO_DEEP, "nest arrays and objects at most eight deep"),
];

/// The fault with this code, and what to do about it.
pub(crate) fn of(code: &str) -> Option<(&'static str, &'static str)> {
    ALL.into_iter().find(|(known, _)| *known == code)
}
