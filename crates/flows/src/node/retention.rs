//! Retention: maximum ages of stored rows, and the port that deletes older ones.
//!
//! Only rows without references are deleted: a session long after its end, when none of its tokens
//! could verify; failure counters of sign-in that lock nothing; messages of the outbox; expired
//! secrets of mails, challenges and enrolments; expired registrations, invitations and changes of addresses; counters of mails; bans
//! that are no former bans any more. Ages use the clock of the database, in the
//! transaction that deletes.

use std::time::Duration;

use crate::StoreError;

/// The port of retention. Each method deletes at most `most` rows in one transaction and returns
/// their number.
pub trait RetentionStore: Send + Sync {
    /// Deletes sessions that have ended or expired longer than `age` ago, and before them the
    /// refresh tokens of their families.
    fn remove_sessions(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes failure counters whose last failure is longer than `age` ago and that are not closed
    /// at present.
    fn remove_failures(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes messages that have waited for longer than `age`, dead letters included.
    fn remove_messages(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes messages that were delivered longer than `age` ago.
    fn remove_delivered_messages(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes secrets of mails that expired longer than `age` ago.
    fn remove_mail_secrets(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes former addresses of accounts that were replaced longer than `age` ago.
    fn remove_former_emails(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes registrations that expired longer than `age` ago.
    fn remove_pending_registrations(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes invitations that expired longer than `age` ago.
    fn remove_invitations(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes changes of addresses that expired longer than `age` ago.
    fn remove_email_changes(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes counters of mails whose window ended longer than `age` ago, and those that a clock
    /// that was wrong dated further ahead than any window.
    fn remove_mail_allowances(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes challenges of sign-ins and enrolments of authenticator apps that expired longer than
    /// `age` ago.
    fn remove_challenges(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes API keys that expired longer than `age` ago.
    fn remove_api_keys(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes failures of networks that are older than `age`.
    fn remove_network_failures(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes known devices that were used longer than `age` ago, by a sign-in or a refresh.
    fn remove_devices(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Deletes bans that ended longer than `age` ago, and those that start later than `age` from now,
    /// because the clock was wrong.
    fn remove_bans(&self, age: Duration, most: u32) -> Result<u64, StoreError>;
}

/// The retention of each kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Sessions after their end, with their families of refresh tokens. Longer than the lifetime of
    /// a refresh token, so that a token that still verifies is recognised.
    pub sessions: Duration,
    /// Failure counters after their last failure. The count of consecutive failures begins again
    /// after this time, so it is long.
    pub failures: Duration,
    /// Messages that wait to be delivered, and dead letters.
    pub messages: Duration,
    /// Delivered messages.
    pub delivered_messages: Duration,
    /// Former addresses after they were replaced. Longer than the link of an alert lives.
    pub former_emails: Duration,
    /// API keys after their end.
    pub api_keys: Duration,
    /// Known devices after their latest use: they are unknown from then on.
    pub devices: Duration,
    /// Whatever has an expiry, after it: secrets of mails, challenges, enrolments, registrations,
    /// invitations, changes of addresses, and the windows of counters of mails.
    pub expired: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            sessions: 90 * DAY,
            failures: 90 * DAY,
            messages: 90 * DAY,
            delivered_messages: 7 * DAY,
            former_emails: 40 * DAY,
            api_keys: 30 * DAY,
            devices: 90 * DAY,
            expired: Duration::from_secs(60 * 60),
        }
    }
}
