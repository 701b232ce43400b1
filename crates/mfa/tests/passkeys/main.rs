//! Passkeys through the public interface, with an authenticator in software.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../../../testkit/src/authenticator.rs"]
#[expect(unreachable_pub, reason = "a part of another crate")]
mod authenticator;

mod authenticator_data;
mod ceremony;
mod client_data;
mod credential;
mod hostile;
mod model;
mod options;
mod relying_party;
mod sign_in;
mod stored;
mod vectors;
