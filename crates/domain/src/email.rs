//! Email addresses: validation (HTML rule, IDNA) and the unique key of a mailbox.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use validator::ValidateEmail;

/// A valid email address.
///
/// It is kept as typed for sending, except that a domain outside ASCII is kept in its normal form.
/// [`Email::key`] is the form that must be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

/// The maximum length of an address in bytes (RFC 5321 section 4.5.3).
const MAX_LENGTH: usize = 254;

impl Email {
    /// Validates an address by the HTML rule of the validator crate, so that the part before the
    /// `@` is ASCII (after NFC). Dots in that part stand between other characters, as in a
    /// Dot-string of RFC 5321 section 4.1.2. The domain must be dotted and valid under IDNA (UTS
    /// 46, not transitional). The limit is 254 bytes, as typed and in ASCII.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let email = Self::normalised(text)?;
        let local = email.key.rsplit_once('@').map_or("", |(local, _)| local);
        if local.split('.').any(str::is_empty) { Err(EmailError::Malformed) } else { Ok(email) }
    }

    /// The address under all rules but that of dots, which is younger than stored addresses.
    fn normalised(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_LENGTH {
            return Err(EmailError::TooLong);
        }
        let composed: String = text.nfc().collect();
        let (local, domain) = composed.rsplit_once('@').ok_or(EmailError::Malformed)?;
        let ascii = Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Verify)
            .map_err(|_| EmailError::Malformed)?;
        let key = format!("{}@{ascii}", local.to_lowercase());
        if !is_well_formed(&key, &ascii) {
            return Err(EmailError::Malformed);
        }
        if key.len() > MAX_LENGTH {
            return Err(EmailError::TooLong);
        }
        let (shown, _) =
            Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
        let address = if domain.is_ascii() { composed } else { format!("{local}@{shown}") };
        Ok(Self { address, key })
    }

    /// Parses a stored address, which may have been accepted under a former rule: one accepted dots
    /// anywhere before the `@`; an earlier one kept a domain as typed, and distinguished spellings
    /// of the same domain.
    pub fn stored(text: &str) -> Result<Self, EmailError> {
        Self::normalised(text).or_else(|error| {
            let address: String = text.nfc().collect();
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
            let key = Self::former_key(&address);
            if is_well_formed(&address, domain) { Ok(Self { address, key }) } else { Err(error) }
        })
    }

    /// The address as typed by its owner.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The unique key: equal for all spellings of one mailbox. It is in lower case, with the domain
    /// in the ASCII form of IDNA. Only the key of a [stored](Email::stored) address can hold
    /// characters outside ASCII.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key of the first letters of an address, for a search; `None` if no key begins like this. A
    /// domain outside ASCII has a key only as a whole.
    pub fn key_prefix(text: &str) -> Option<String> {
        if let Ok(whole) = Self::parse(text) {
            return Some(whole.key);
        }
        let key = Self::former_key(text);
        (!key.is_empty() && key.len() <= MAX_LENGTH && key.is_ascii()).then_some(key)
    }

    /// The key of an address under the former rule: NFC, in lower case.
    pub fn former_key(text: &str) -> String {
        text.nfc().collect::<String>().to_lowercase()
    }
}

fn is_well_formed(address: &str, domain: &str) -> bool {
    address.validate_email() && domain.contains('.') && !domain.starts_with('[')
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.address)
    }
}

/// The reason why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// More than 254 bytes.
    #[error("must be at most 254 bytes long")]
    TooLong,
    /// Not of the form `name@domain.example`.
    #[error("must be an email address such as name@example.org")]
    Malformed,
}

impl EmailError {
    /// The stable code for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Email::parse(text).unwrap().key().to_owned()
    }

    #[test]
    fn letter_case_is_kept_but_does_not_make_a_second_mailbox() {
        let email = Email::parse("Ada.L@Example.ORG").unwrap();
        assert_eq!(email.as_str(), "Ada.L@Example.ORG");
        assert_eq!(email.key(), "ada.l@example.org");
        assert_eq!(serde_json::to_string(&email).unwrap(), r#""Ada.L@Example.ORG""#);
    }

    #[test]
    fn every_spelling_of_a_domain_is_one_mailbox() {
        for text in [
            "vic@example.org",
            "vic@EXAMPLE.org",
            "vic@\u{ff45}xample.org",
            "vic@exam\u{ad}ple.org",
            "vic@exam\u{200b}ple.org",
            "vic@example\u{3002}org",
            "\u{212a}ic@example.org",
        ] {
            let expected =
                if text.starts_with('v') { "vic@example.org" } else { "kic@example.org" };
            assert_eq!(key(text), expected, "{text:?}");
        }
        for text in [
            "vic@ex\u{e4}mple.org",
            "vic@exa\u{308}mple.org",
            "vic@EX\u{c4}MPLE.org",
            "vic@xn--exmple-cua.org",
            "VIC@XN--EXMPLE-CUA.ORG",
        ] {
            assert_eq!(key(text), "vic@xn--exmple-cua.org", "{text:?}");
        }
        assert_ne!(key("vic@stra\u{df}e.example"), key("vic@strasse.example"), "not transitional");
    }

    #[test]
    fn nothing_invisible_is_kept_of_a_domain() {
        for text in ["vic@exam\u{ad}ple.org", "vic@\u{ff45}xample.org"] {
            assert_eq!(Email::parse(text).unwrap().as_str(), "vic@example.org");
        }
        let email = Email::parse("Vic@EXÄMPLE.org").unwrap();
        assert_eq!(email.as_str(), "Vic@exämple.org");
    }

    #[test]
    fn the_first_letters_of_an_address_have_the_form_of_its_key() {
        for (text, key) in [
            ("Ad", "ad"),
            ("Ada@Exa", "ada@exa"),
            ("\u{212a}ic", "kic"),
            ("Vic@EX\u{c4}MPLE.org", "vic@xn--exmple-cua.org"),
        ] {
            assert_eq!(Email::key_prefix(text).as_deref(), Some(key), "{text:?}");
        }
        for text in ["", "vic@ex\u{e4}m", &"a".repeat(255)] {
            assert_eq!(Email::key_prefix(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_mailed_is_refused() {
        for text in [
            "",
            "ada",
            "a@b",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@b.org\r\nBcc: c@d.org",
            "a b@c.org",
            "a@b.org ",
            "a@@b.org",
            "a@xn--a.org",
            "a@xn--\u{e4}.org",
            "a@b\u{202e}.org",
            "\u{17f}@b.org",
            "\u{e4}@b.org",
            ".a@b.org",
            "a.@b.org",
            "a..b@b.org",
            ".@b.org",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
        let long = format!("{}@example.org", "a".repeat(250));
        assert_eq!(Email::parse(&long), Err(EmailError::TooLong));
    }

    #[test]
    fn a_stored_address_is_read_although_it_could_not_be_registered_any_more() {
        let stored = Email::stored("Ada@xn--a.org").unwrap();
        assert_eq!((stored.as_str(), stored.key()), ("Ada@xn--a.org", "ada@xn--a.org"));
        assert_eq!(Email::stored("vic@\u{ff45}xample.org").unwrap().key(), "vic@example.org");
        assert_eq!(Email::stored("nobody"), Err(EmailError::Malformed));
        for (text, key) in
            [(".A@B.org", ".a@b.org"), ("a..b@ex\u{e4}mple.org", "a..b@xn--exmple-cua.org")]
        {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed));
            let stored = Email::stored(text).unwrap();
            assert_eq!((stored.as_str(), stored.key()), (text, key));
        }
    }

    proptest! {
        #[test]
        fn an_address_that_is_kept_reads_back_as_the_same(text in "[a-zA-Z.]{1,8}@\\PC{1,12}\\.[a-z]{2,4}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(email.key().is_ascii());
                prop_assert_eq!(&Email::parse(email.as_str()), &Ok(email.clone()));
                prop_assert_eq!(Email::stored(email.as_str()), Ok(email.clone()));
                let key = Email::parse(email.key()).map(|again| again.key().to_owned());
                prop_assert_eq!(key, Ok(email.key().to_owned()));
            }
        }
    }
}
