//! The words a matrix is written in.

/// A role, resource or action whose word is known at compile time, as `access_words!` makes them.
pub trait Word {
    /// The word, as the matrix file spells it.
    const WORD: &'static str;
}

/// Stands for every resource, or for every action.
pub(crate) const EVERY: &str = "*";

/// The action that covers [`MANAGED`] as well as itself.
pub(crate) const MANAGE: &str = "manage";

/// What [`MANAGE`] covers, as far as the matrix knows these actions.
pub(crate) const MANAGED: [&str; 4] = ["create", "read", "update", "delete"];

/// Characters in the longest word.
const MAX_LENGTH: usize = 64;

/// `[a-z][a-z0-9_]{0,63}`: nothing that a path, a CSV cell or a Markdown table would have to escape.
pub(crate) fn is_word(text: &str) -> bool {
    text.len() <= MAX_LENGTH
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_lowercase_letter_and_up_to_63_more_characters() {
        let longest = "a".repeat(MAX_LENGTH);
        for word in ["a", "rn", "audit_log", "level2", "a_", &longest] {
            assert!(is_word(word), "{word}");
        }
        let too_long = "a".repeat(MAX_LENGTH + 1);
        for text in ["", "*", "_a", "2nd", "Admin", "a b", "a-b", "a.b", "é", "aé", &too_long] {
            assert!(!is_word(text), "{text}");
        }
    }
}
