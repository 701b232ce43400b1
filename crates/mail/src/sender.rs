//! `Sender`: the checked name and address in the header `From` of every mail.

use std::fmt;

use lettre::Address;
use lettre::message::Mailbox;
use portcullis_domain::is_deceptive;

/// The sender of every mail: the address, and the name of the service, which the texts use too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: String,
    address: Address,
}

/// The maximum number of characters of a name.
const MAX_NAME: usize = 64;

impl Sender {
    /// Checks a name of 1 to 64 characters without control characters, and an address.
    ///
    /// # Errors
    ///
    /// If one of them cannot stand in a header.
    pub fn new(name: &str, address: &str) -> Result<Self, SenderError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains(is_deceptive) {
            return Err(SenderError::Name);
        }
        let address: Address = address.parse().map_err(|_| SenderError::Address)?;
        if !address.to_string().is_ascii() {
            return Err(SenderError::Address);
        }
        Ok(Self { name: name.to_owned(), address })
    }

    /// The name of the service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The domain of the address.
    pub(crate) fn domain(&self) -> &str {
        self.address.domain()
    }

    pub(crate) fn mailbox(&self) -> Mailbox {
        Mailbox::new(Some(self.name.clone()), self.address.clone())
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.address)
    }
}

/// The part of a sender that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// The name.
    #[error("is empty, longer than {MAX_NAME} characters, or has control characters")]
    Name,
    /// The address.
    #[error("is not an email address in ASCII")]
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_line_break_or_without_an_end_is_refused() {
        let new = |name| Sender::new(name, "auth@example.org").map(|sender| sender.to_string());
        assert_eq!(new(" Portcullis ").as_deref(), Ok("Portcullis <auth@example.org>"));
        let long = "x".repeat(65);
        for name in ["", "  ", "a\r\nBcc: eve@example.org", "a\nb", "a\0b", "a\u{202e}b", &long] {
            assert_eq!(new(name), Err(SenderError::Name), "{name:?}");
        }
    }

    #[test]
    fn an_address_that_is_more_than_one_address_is_refused() {
        for address in ["", "auth", "a@b.c, d@e.f", "a@b.c\r\nBcc: d@e.f", "<a@b.c>", "é@b.c"] {
            assert_eq!(Sender::new("x", address), Err(SenderError::Address), "{address:?}");
        }
    }
}
