//! The message in the format of the Internet (RFC 5322): headers, and both parts.
//!
//! Headers hold the configured sender, the address of the recipient, the subject of the template, and ids.
//! No text of a user gets into one.

use std::time::SystemTime;

use lettre::address::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Message, address::Envelope};
use portcullis_domain::{Email, Timestamp};
use portcullis_flows::node::outbox::OutgoingMail;

use crate::renderer::RenderedMail;
use crate::sender::Sender;

/// A message to send.
pub(crate) struct Prepared {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// Builds the message; `None` if the address cannot be that of a recipient.
pub(crate) fn prepare(
    sender: &Sender,
    outgoing: &OutgoingMail<'_>,
    rendered: &RenderedMail,
) -> Option<Prepared> {
    let message = outgoing.message;
    let attempt = message.attempts.saturating_add(1);
    let id = match &rendered.link {
        // A mail program may hide a second mail with the same id, and only the last link works.
        Some(_) => format!("<{}.{attempt}@{}>", message.id, sender.domain()),
        None => format!("<{}@{}>", message.id, sender.domain()),
    };
    let parts = MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone());
    let mail = Message::builder()
        .from(sender.mailbox())
        .to(Mailbox::new(None, recipient(&message.recipient)?))
        .subject(rendered.subject.clone())
        .date(system_time(outgoing.now))
        .message_id(Some(id))
        .header(AutoSubmitted)
        .multipart(parts)
        .ok()?;
    Some(Prepared { envelope: mail.envelope().clone(), bytes: mail.formatted() })
}

/// The address with its domain in ASCII, which every mail server accepts.
fn recipient(email: &Email) -> Option<Address> {
    let (local, _) = email.as_str().rsplit_once('@')?;
    let (_, domain) = email.key().rsplit_once('@')?;
    Address::new(local, domain).ok()
}

fn system_time(now: Timestamp) -> SystemTime {
    let seconds = u64::try_from(now.as_seconds()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no vacation notice answers the mail.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
