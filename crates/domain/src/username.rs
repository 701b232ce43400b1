//! User names (RFC 8265), look-alike detection (Unicode Technical Standard 39), and reserved names.

use std::collections::HashSet;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCaseMapped;
use serde::{Serialize, Serializer};
use unicode_security::confusable_detection::skeleton;

/// A user name under the PRECIS profile `UsernameCaseMapped` (RFC 8265 section 3.3): NFC, lower
/// case, no spaces, no control characters, one writing direction.
///
/// A name has 3 to 64 characters, or 2 of the scripts of China, Japan and Korea, in which a name often
/// has no more. It has at least one letter or digit, and no `@`, so that it cannot be confused with
/// an email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    name: String,
    skeleton: String,
}

const MIN_LENGTH: usize = 3;
const MIN_SYLLABLES: usize = 2;
const MAX_LENGTH: usize = 64;

impl Username {
    /// Parses and normalises a user name as typed.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        // Normalisation is expensive. A text far above the limit cannot shrink below it.
        if text.len() > 16 * MAX_LENGTH {
            return Err(UsernameError::TooLong);
        }
        let name = enforce(text)?;
        // Lower case can lead to a letter that the profile forbids (Cherokee), and then the name that
        // is stored would not be a name when it is typed (RFC 8264 section 7: rules are idempotent).
        if enforce(&name)? != name {
            return Err(UsernameError::Forbidden);
        }
        let least = if name.chars().all(is_syllable) { MIN_SYLLABLES } else { MIN_LENGTH };
        let length = name.chars().count();
        if length < least {
            return Err(UsernameError::TooShort);
        }
        if length > MAX_LENGTH {
            return Err(UsernameError::TooLong);
        }
        if name.contains('@') || !name.chars().any(char::is_alphanumeric) {
            return Err(UsernameError::Forbidden);
        }
        let skeleton = fold(&name);
        Ok(Self { name, skeleton })
    }

    /// The normal form of the first letters of a name, for a search; `None` if no name begins like this.
    pub fn prefix(text: &str) -> Option<String> {
        if text.len() > 16 * MAX_LENGTH || text.contains('@') {
            return None;
        }
        enforce(text).ok()
    }

    /// The name in its normal form.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The Unicode Technical Standard 39 skeleton, in lower case: equal for names that look alike.
    /// For comparison only, not for display.
    pub fn skeleton(&self) -> &str {
        &self.skeleton
    }
}

impl Serialize for Username {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// The reason why a text is not a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsernameError {
    /// Fewer than 3 characters.
    #[error("must have at least 3 characters")]
    TooShort,
    /// More than 64 characters.
    #[error("must have at most 64 characters")]
    TooLong,
    /// A space, `@`, a control character, or a mix of writing directions.
    #[error(
        "may contain letters, digits and punctuation of one writing direction, but no spaces and no @"
    )]
    Forbidden,
}

impl UsernameError {
    /// The stable code for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Forbidden => "forbidden_character",
        }
    }
}

/// Reserved names: they and their look-alikes cannot be registered.
#[derive(Clone, Debug, Default)]
pub struct ReservedNames(HashSet<String>);

impl ReservedNames {
    /// Parses one name per line. Blank lines and lines that begin with `#` are skipped.
    pub fn parse(list: &str) -> Self {
        let names = list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        Self(names.map(|name| fold(&name.to_lowercase())).collect())
    }

    /// Returns whether the name is reserved or looks like a reserved name.
    pub fn contains(&self, username: &Username) -> bool {
        self.0.contains(username.skeleton())
    }
}

/// Applies the PRECIS profile once.
fn enforce(text: &str) -> Result<String, UsernameError> {
    let name = UsernameCaseMapped::enforce(text).map_err(|_| UsernameError::Forbidden)?;
    Ok(name.into_owned())
}

/// The skeleton maps some lower-case letters to upper-case prototypes (`0` becomes `O`), hence the
/// second lower-casing. A dot above an `i` or `j` is dropped: their own dot then makes no difference
/// that could be seen.
fn fold(name: &str) -> String {
    const DOT_ABOVE: char = '\u{307}';
    let mut folded = String::with_capacity(name.len());
    for c in skeleton(name).flat_map(char::to_lowercase) {
        if c != DOT_ABOVE || !folded.ends_with(['i', 'j']) {
            folded.push(c);
        }
    }
    folded
}

/// Returns whether the character is a Han, Kana or Hangul one: each stands for a syllable or more.
const fn is_syllable(c: char) -> bool {
    matches!(
        c,
        '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_become_one_name() {
        let names = ["Ada", "ADA", "ａｄａ"].map(|text| Username::parse(text).unwrap());
        assert!(names.iter().all(|name| name.as_str() == "ada"));
        assert_eq!(serde_json::to_string(&names[0]).unwrap(), r#""ada""#);
        assert_eq!(Username::parse("李娜").unwrap().as_str(), "李娜");
        let composed = Username::parse("zo\u{eb}").unwrap();
        assert_eq!(composed, Username::parse("Zoe\u{308}").unwrap());
    }

    #[test]
    fn the_first_letters_of_a_name_have_its_normal_form() {
        for text in ["Ad", "AD", "ａｄ"] {
            assert_eq!(Username::prefix(text).as_deref(), Some("ad"), "{text:?}");
        }
        for text in ["", "ada@", "ada lovelace", "ad\u{202e}"] {
            assert_eq!(Username::prefix(text), None, "{text:?}");
        }
    }

    #[test]
    fn look_alikes_share_a_skeleton() {
        let [dotted, plain] = ["İbrahim", "ibrahim"].map(|text| Username::parse(text).unwrap());
        assert_ne!(dotted.as_str(), plain.as_str());
        assert_eq!(dotted.skeleton(), plain.skeleton());
        let paypal = Username::parse("paypal").unwrap();
        for text in ["pаypаl", "paypa1", "ρaypal"] {
            let other = Username::parse(text).unwrap();
            assert_ne!(other.as_str(), paypal.as_str(), "{text}");
            assert_eq!(other.skeleton(), paypal.skeleton(), "{text}");
        }
    }

    #[test]
    fn what_breaks_a_line_or_reads_as_something_else_is_refused() {
        for text in [
            "ada lovelace",
            "ada\n",
            "ada\0",
            "ada@example.org",
            "...",
            "ad\u{202e}a",
            "ad\u{200b}a",
            "adaא",
            "Ꭰda",
        ] {
            assert_eq!(Username::parse(text), Err(UsernameError::Forbidden), "{text:?}");
        }
        assert_eq!(Username::parse("ad"), Err(UsernameError::TooShort));
        assert_eq!(Username::parse(&"a".repeat(65)), Err(UsernameError::TooLong));
        assert_eq!(Username::parse(&"a".repeat(1_000_000)), Err(UsernameError::TooLong));
    }

    #[test]
    fn reserved_names_are_found_in_any_disguise() {
        let reserved = ReservedNames::parse("# staff\nadmin\n\nroot\n");
        for text in ["admin", "ADMIN", "аdmin", "r00t", "roоt"] {
            assert!(reserved.contains(&Username::parse(text).unwrap()), "{text}");
        }
        assert!(!reserved.contains(&Username::parse("administrator").unwrap()));
    }

    #[test]
    fn every_character_keeps_its_name_stable() {
        // No letter beyond the second plane has two cases.
        for c in '\0'..='\u{1ffff}' {
            if let Ok(name) = Username::parse(&format!("a{c}{c}a")) {
                assert_eq!(Username::parse(name.as_str()), Ok(name), "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_is_stable(text in "\\PC{1,70}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(Username::parse(name.as_str()), Ok(name));
            }
        }
    }
}
