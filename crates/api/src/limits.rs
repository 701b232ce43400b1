//! The rate limits of routes, for each client address. The configuration may set other numbers.

use std::time::Duration;

use portcullis_web::RateLimit;

/// The limit of every route that takes a password or a code of an account that is not signed in.
pub static SIGN_IN: RateLimit =
    RateLimit { name: "sign_in", limit: 5, window: Duration::from_secs(60) };

/// The limit of registration.
pub static REGISTRATION: RateLimit =
    RateLimit { name: "registration", limit: 10, window: Duration::from_secs(60 * 60) };
