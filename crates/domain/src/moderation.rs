//! Moderation: refuses offensive user names and display names.

use std::sync::LazyLock;

use rustrict::{Censor, Replacements, Type};

/// Screens user names and display names for profanity and abuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moderation {
    refused_from: Severity,
}

/// The minimum severity at which a word makes a name refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Refuse mildly offensive words and worse.
    Mild,
    /// Refuse moderately offensive words and worse.
    Moderate,
    /// Refuse only severe words.
    Severe,
}

impl Moderation {
    /// Refuses names that contain words of this severity or worse.
    pub const fn new(refused_from: Severity) -> Self {
        Self { refused_from }
    }

    /// Returns whether the name may be shown to others. Spaced-out and digit-for-letter spellings
    /// of offensive words are recognised too, and those in letters that look like Latin ones.
    ///
    /// The known words are English. A name in a script whose letters nobody reads as Latin ones is
    /// not taken for an imitation of such a word.
    pub fn accepts(&self, name: &str) -> bool {
        let refused = match self.refused_from {
            Severity::Mild => Type::MILD_OR_HIGHER,
            Severity::Moderate => Type::MODERATE_OR_HIGHER,
            Severity::Severe => Type::SEVERE,
        };
        let mut censor = Censor::from_str(name);
        let mut letters = name.chars().filter(|c| c.is_alphabetic()).peekable();
        if letters.peek().is_some() && letters.all(is_far_from_latin) {
            censor.with_replacements(&NO_REPLACEMENTS);
        }
        let found = censor.analyze();
        found.isnt(Type::OFFENSIVE & refused) && found.isnt(Type::PROFANE & refused)
    }
}

/// No letter stands for another one.
static NO_REPLACEMENTS: LazyLock<Replacements> = LazyLock::new(Replacements::new);

/// Returns whether the letter is of a script from Hebrew to Ethiopic, of Khmer or Mongolian, or of
/// China, Japan or Korea. Greek, Cyrillic, Armenian and Cherokee letters imitate Latin ones.
const fn is_far_from_latin(c: char) -> bool {
    matches!(
        c,
        '\u{590}'..='\u{139f}'
            | '\u{1780}'..='\u{18af}'
            | '\u{3040}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass_and_abuse_does_not() {
        let moderation = Moderation::new(Severity::Moderate);
        for name in ["ada.lovelace", "scunthorpe", "Pfleger", "essex"] {
            assert!(moderation.accepts(name), "{name}");
        }
        for name in ["fuckface", "f.u.c.k.er", "sh1thead", "fuсkfaсe", "\u{10d7}fuckface"] {
            assert!(!moderation.accepts(name), "{name}");
        }
    }

    #[test]
    fn a_name_in_a_distant_script_is_no_imitation_of_an_english_word() {
        let moderation = Moderation::new(Severity::Mild);
        for name in ["თამარ", "김철수88", "王小明", "עמית", "สมชาย"] {
            assert!(moderation.accepts(name), "{name}");
        }
    }
}
