use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use validator::ValidateEmail;

/// An email address that mail can plausibly reach.
///
/// Kept as typed for sending; [`Email::key`] is the form that must be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// Checks the address (the HTML rule of the validator crate, plus a dotted domain name) and
    /// normalises it to NFC. At most 254 bytes, as RFC 5321 section 4.5.3 leaves.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > 254 {
            return Err(EmailError::TooLong);
        }
        let address: String = text.nfc().collect();
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if !address.validate_email() || !domain.contains('.') || domain.starts_with('[') {
            return Err(EmailError::Malformed);
        }
        let key = address.to_lowercase();
        Ok(Self { address, key })
    }

    /// The address as its owner typed it.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The address in lower case: equal for two spellings of one mailbox.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.address)
    }
}

/// Why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Over 254 bytes.
    #[error("must be at most 254 bytes long")]
    TooLong,
    /// No address of the form `name@domain.example`.
    #[error("must be an email address such as name@example.org")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_is_kept_but_does_not_make_a_second_mailbox() {
        let email = Email::parse("Ada.L@Example.ORG").unwrap();
        assert_eq!(email.as_str(), "Ada.L@Example.ORG");
        assert_eq!(email.key(), "ada.l@example.org");
        assert_eq!(serde_json::to_string(&email).unwrap(), r#""Ada.L@Example.ORG""#);
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
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
        let long = format!("{}@example.org", "a".repeat(250));
        assert_eq!(Email::parse(&long), Err(EmailError::TooLong));
    }
}
