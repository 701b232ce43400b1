//! Backup codes: random codes for the day when no other factor is at hand.

use base32::Alphabet;
use portcullis_domain::{ExposeSecret, SecretString, SecureRandom};
use zeroize::Zeroizing;

/// A backup code: 80 random bits in 16 characters of Crockford's base32, which has no letters that
/// look like digits.
///
/// It prints as redacted and is wiped when dropped.
#[derive(Clone, Debug)]
pub struct BackupCode(SecretString);

/// The text is not 16 characters of the alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a backup code has 16 letters and digits")]
pub struct BackupCodeError;

const BYTES: usize = 10;
const CHARACTERS: usize = 16;
const GROUP: usize = 4;

/// The longest text that is read: every character with a separator.
const MAX_TEXT: usize = 2 * CHARACTERS;

impl BackupCode {
    /// The number of codes of a set.
    pub const COUNT: u32 = 10;

    /// Generates a code.
    pub fn generate(random: &dyn SecureRandom) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        random.fill(bytes.as_mut_slice());
        Self(SecretString::from(base32::encode(Alphabet::Crockford, bytes.as_slice())))
    }

    /// Reads a code as a person types it: in any case, with hyphens and spaces anywhere, with O for 0
    /// and I or L for 1.
    pub fn parse(typed: &str) -> Result<Self, BackupCodeError> {
        if typed.len() > MAX_TEXT {
            return Err(BackupCodeError);
        }
        let characters = typed.chars().filter(|c| !matches!(c, '-' | ' '));
        let text = Zeroizing::new(characters.collect::<String>());
        let decoded = base32::decode(Alphabet::Crockford, &text).map(Zeroizing::new);
        let decoded = decoded.filter(|bytes| bytes.len() == BYTES && text.len() == CHARACTERS);
        let bytes = decoded.ok_or(BackupCodeError)?;
        Ok(Self(SecretString::from(base32::encode(Alphabet::Crockford, &bytes))))
    }

    /// The 16 characters without separators, the same for every way to type them: the text to hash.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The code in groups of four, as it is shown.
    pub fn to_groups(&self) -> SecretString {
        let characters: Vec<char> = self.expose().chars().collect();
        let groups = characters.chunks(GROUP).map(|group| group.iter().collect::<String>());
        SecretString::from(groups.collect::<Vec<_>>().join("-"))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;
    use proptest::prelude::*;

    use super::*;

    /// Randomness that is known.
    struct Known([u8; BYTES]);

    impl SecureRandom for Known {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.copy_from_slice(&self.0);
        }
    }

    fn parsed(typed: &str) -> Option<String> {
        BackupCode::parse(typed).ok().map(|code| code.expose().to_owned())
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = BackupCode::generate(&Known([
            0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
        ]));
        assert_eq!(code.to_groups().expose_secret(), "0123-4567-89AB-CDEF");
        for typed in [
            "0123-4567-89AB-CDEF",
            "0123456789abcdef",
            " 0123 4567 89ab cdef ",
            "oI23-4567-89ab-cdef",
            "OL23-4567-89AB-CDEF",
        ] {
            assert_eq!(parsed(typed).as_deref(), Some(code.expose()), "{typed}");
        }
    }

    #[test]
    fn other_texts_are_no_codes() {
        for typed in [
            "",
            "123456",
            "0123-4567-89AB-CDE",
            "0123-4567-89AB-CDEF0",
            "0123-4567-89AB-CDEU",
            "0123_4567_89AB_CDEF",
            "0123-4567-89AB-CDE\u{0660}",
            &"-".repeat(1_000_000),
        ] {
            assert_eq!(parsed(typed), None, "{typed:.40}");
        }
    }

    #[test]
    fn a_code_is_random_and_prints_nothing_of_itself() {
        let code = BackupCode::generate(&SystemRandom);
        assert_ne!(code.expose(), BackupCode::generate(&SystemRandom).expose());
        assert!(!format!("{code:?}").contains(code.expose()));
    }

    proptest! {
        #[test]
        fn every_code_has_sixteen_characters_and_is_read_back(bytes in any::<[u8; BYTES]>()) {
            let code = BackupCode::generate(&Known(bytes));
            prop_assert_eq!(code.expose().len(), CHARACTERS);
            let read = parsed(code.to_groups().expose_secret());
            prop_assert_eq!(read.as_deref(), Some(code.expose()));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = BackupCode::parse(&text);
        }
    }
}
