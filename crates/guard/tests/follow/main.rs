//! A guard that follows an authority, which misbehaves in every way that a network can.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod authority;
mod faults;
mod following;
