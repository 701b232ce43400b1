//! Moderation: refuses offensive user names and display names.

use rustrict::{CensorStr, Type};

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
    /// of offensive words are recognised too.
    pub fn accepts(&self, name: &str) -> bool {
        let refused = match self.refused_from {
            Severity::Mild => Type::MILD_OR_HIGHER,
            Severity::Moderate => Type::MODERATE_OR_HIGHER,
            Severity::Severe => Type::SEVERE,
        };
        name.isnt(Type::OFFENSIVE & refused) && name.isnt(Type::PROFANE & refused)
    }
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
        for name in ["fuckface", "f.u.c.k.er", "sh1thead"] {
            assert!(!moderation.accepts(name), "{name}");
        }
    }
}
