//! The rate limits that routes name, for each client address or for each account. The configuration may set other
//! numbers. A page and an API route of the same purpose count together.

use std::time::Duration;

use super::concurrency::Concurrency;
use super::rate::RateLimit;

/// The limit of every route that takes a password or a code of an account that is not signed in.
pub static SIGN_IN: RateLimit = RateLimit::new("sign_in", 5, Duration::from_secs(60));

/// The limit of the second step of a sign-in.
pub static SECOND_FACTOR: RateLimit = RateLimit::new("second_factor", 5, Duration::from_secs(60));

/// The limit of registration.
pub static REGISTRATION: RateLimit =
    RateLimit::new("registration", 10, Duration::from_secs(60 * 60));

/// The limit of requests for links that reset a password.
pub static PASSWORD_RESET: RateLimit =
    RateLimit::new("password_reset", 3, Duration::from_secs(60 * 60));

/// The limit of the routes of mailed links: each request of them sends a mail or tries a link.
pub static MAILED_LINKS: RateLimit =
    RateLimit::new("mailed_links", 20, Duration::from_secs(60 * 60));

/// The limit of the test mails of an account: each is a mail, and an address may be one of many.
pub static TEST_MAILS: RateLimit = RateLimit::new("test_mails", 5, Duration::from_secs(60 * 60));

/// The limit of started sign-ins with a passkey: each stores a challenge, and a sign-in page may start one
/// whenever it is shown.
pub static PASSKEY_OPTIONS: RateLimit =
    RateLimit::new("passkey_options", 30, Duration::from_secs(60));

/// The limit of reports of violations of the content policy. An extension of a browser may cause one on every
/// page, so its user is not banned for them.
pub static CSP_REPORTS: RateLimit =
    RateLimit::new("csp_reports", 20, Duration::from_secs(60)).without_bans();

/// Permits for searches of the audit log. Each holds at most about 40 MiB, and 64 MiB more if a block of an earlier
/// version is large.
pub static SEARCHES: Concurrency =
    Concurrency { name: "searches", places: 8, unit: None, wait: Duration::ZERO };

/// Permits for replays of recorded decisions; each has a thread of its own.
pub static REPLAYS: Concurrency =
    Concurrency { name: "replays", places: 2, unit: None, wait: Duration::ZERO };
