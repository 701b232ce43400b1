//! Normalisation of passwords: NFC (Unicode Standard Annex 15), otherwise as typed.
//!
//! Keyboards differ in the composition of accented letters, so the same typed password must become
//! the same bytes at registration, sign-in and change (NIST SP 800-63B-4 section 3.1.1.2). Nothing
//! else is changed: no trimming, no case change, no truncation.

use portcullis_domain::{ExposeSecret, SecretString, constant_time_eq};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

/// A typed password in NFC. Prints as `[REDACTED]`, wiped when dropped.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// The maximum length of a password, in bytes as typed.
    pub const MAX_BYTES: usize = 1024;

    /// Normalises a typed password. A password above [`Password::MAX_BYTES`] is refused unread, so
    /// that clients cannot make the server normalise or hash a very long text.
    ///
    /// Its quality is checked by [`Policy`](crate::Policy) alone, because a sign-in must accept
    /// passwords that were set under an older policy.
    pub fn parse(typed: &str) -> Result<Self, PasswordTooLong> {
        if typed.len() > Self::MAX_BYTES {
            return Err(PasswordTooLong);
        }
        if is_nfc(typed) {
            return Ok(Self(typed.into()));
        }
        // The capacity for the longest NFC (3 times the bytes) avoids a reallocation, which would
        // leave a copy in memory; the copy out of it avoids one by shrinking.
        let mut normal = Zeroizing::new(String::with_capacity(3 * typed.len()));
        normal.extend(typed.nfc());
        Ok(Self(normal.as_str().into()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Password {
    /// Compares in time that depends on the lengths only.
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

/// More than [`Password::MAX_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 1,024 bytes long")]
pub struct PasswordTooLong;

portcullis_domain::debug_as_display!(PasswordTooLong);

impl PasswordTooLong {
    /// The same stable code as for [`Violation::TooLong`](crate::Violation::TooLong).
    pub const fn code(self) -> &'static str {
        "too_long"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        let composed = Password::parse("p\u{e4}ssw\u{f6}rd").unwrap();
        let decomposed = Password::parse("pa\u{308}sswo\u{308}rd").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn spaces_case_and_compatibility_forms_are_kept_as_typed() {
        for typed in ["", "  two  spaces ", "MiXeD", "\u{fb01}ne", "tab\tnul\0", "\u{ff21}"] {
            assert_eq!(Password::parse(typed).unwrap().expose(), typed);
        }
    }

    #[test]
    fn one_byte_over_the_limit_is_refused_and_none_is_cut_off() {
        let longest = "x".repeat(Password::MAX_BYTES);
        assert_eq!(Password::parse(&longest).unwrap().expose(), longest);
        assert_eq!(Password::parse(&format!("{longest}x")).unwrap_err(), PasswordTooLong);
    }

    #[test]
    fn debugging_shows_nothing_of_it() {
        let password = Password::parse("violet otter").unwrap();
        assert!(!format!("{password:?}").contains("otter"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(typed in "\\PC{0,80}") {
            if let Ok(once) = Password::parse(&typed)
                && let Ok(twice) = Password::parse(once.expose())
            {
                prop_assert_eq!(once.expose(), twice.expose());
            }
        }

        #[test]
        fn every_canonically_equal_spelling_becomes_one_password(typed in "\\PC{0,80}") {
            let decomposed: String = typed.nfd().collect();
            if let (Ok(one), Ok(other)) = (Password::parse(&typed), Password::parse(&decomposed)) {
                prop_assert_eq!(one.expose(), other.expose());
            }
        }

        #[test]
        fn normal_forms_fit_the_room_made_for_them(typed in "\\PC{0,80}") {
            prop_assert!(typed.nfc().collect::<String>().len() <= 3 * typed.len());
        }
    }
}
