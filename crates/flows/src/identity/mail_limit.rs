//! Limits of mails that strangers can cause: so many to one address in a window.

use std::time::Duration;

use portcullis_domain::Email;
use portcullis_token::Digest;

/// The maximum number of mails of one cause to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailLimit {
    /// The number of mails.
    pub most: u32,
    /// The window.
    pub window: Duration,
    /// The mail with which it begins.
    pub begins: WindowBegin,
}

/// The mail with which a window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowBegin {
    /// The first mail of the window.
    FirstMail,
    /// The last mail: a further one is sent after a whole window without a mail.
    LastMail,
}

impl MailLimit {
    /// The longest window.
    pub const LONGEST_WINDOW: Duration = Duration::from_secs(60 * 60);

    /// So many mails in an hour, from the first one on.
    pub const fn in_an_hour(most: u32) -> Self {
        Self { most, window: Self::LONGEST_WINDOW, begins: WindowBegin::FirstMail }
    }

    /// So many mails, until an hour has passed since the last one.
    pub const fn until_an_hour_without(most: u32) -> Self {
        Self { most, window: Self::LONGEST_WINDOW, begins: WindowBegin::LastMail }
    }
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
