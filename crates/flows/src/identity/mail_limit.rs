//! Limits of mails that strangers can cause: so many to one address in a window.

use std::time::Duration;

use portcullis_domain::Email;
use portcullis_token::Digest;

/// The maximum number of mails of one cause to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailLimit {
    /// The number of mails.
    pub most: u32,
    /// The window. It begins with the first mail.
    pub window: Duration,
}

/// The counter of the mails of one cause to one address, with its limit.
#[derive(Clone, Copy, Debug)]
pub struct MailAllowance {
    /// The key of the counter.
    pub counter: Digest,
    /// The limit.
    pub limit: MailLimit,
}

impl MailAllowance {
    /// The allowance of a cause, for every spelling of the address.
    pub(crate) fn of(cause: &str, email: &Email, limit: MailLimit) -> Self {
        Self { counter: Digest::of(&format!("{cause}:{}", email.key())), limit }
    }
}
