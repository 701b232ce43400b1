//! Validation faults of single values that have the right type. The stable code is the text of the
//! serde error ([`custom`](serde::de::Error::custom)).

/// The text has a forbidden character.
pub const FORBIDDEN_CHARACTER: &str = "forbidden_character";
/// The text is too long, in bytes.
pub const TOO_LONG: &str = "too_long";
/// The object has a name twice.
pub const DUPLICATE: &str = "duplicate";
/// Arrays and objects are nested too deeply.
pub const TOO_DEEP: &str = "too_deep";

const ALL: [(&str, &str); 4] = [
    (FORBIDDEN_CHARACTER, "control and bidirectional characters and hidden tags are not allowed"),
    (TOO_LONG, "use at most 256 bytes of UTF-8"),
    (DUPLICATE, "each name may appear only once in an object"),
    (TOO_DEEP, "nest arrays and objects at most eight deep"),
];

/// The fault with this code, and its advice.
pub(crate) fn of(code: &str) -> Option<(&'static str, &'static str)> {
    ALL.into_iter().find(|(known, _)| *known == code)
}
