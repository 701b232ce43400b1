#![cfg_attr(all(feature = "actix", feature = "follow"), doc = include_str!("../README.md"))]
// The README's example needs these features; without them this line stands in.
#![cfg_attr(
    not(all(feature = "actix", feature = "follow")),
    doc = "Who is calling, and whether they may; see the README."
)]

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
mod axum;
mod builder;
mod claims;
mod client_address;
#[cfg(feature = "follow")]
mod follow;
mod guard;
mod parts;
#[cfg(any(feature = "actix", feature = "tower"))]
mod problem;
mod question;
mod refusal;
mod revocation_state;
#[cfg(feature = "tower")]
pub mod tower;

pub use builder::GuardBuilder;
pub use claims::{Claims, Credential};
pub use client_address::ClientAddress;
#[cfg(feature = "follow")]
pub use follow::{ConnectError, Fault};
pub use guard::Guard;
pub use parts::WhenStale;
pub use question::{Ask, Permit, Require};
pub use refusal::{Denied, Refusal};

pub use portcullis_access as access;
pub use portcullis_domain as domain;
pub use portcullis_token as token;
