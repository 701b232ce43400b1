//! Tests of a guard that follows an authority, with faults of authority and network.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod api_keys;
mod authority;
mod client;
mod faults;
mod following;
