#![cfg_attr(feature = "actix", doc = include_str!("../README.md"))]
// The README's example needs the feature; without it this line stands in.
#![cfg_attr(not(feature = "actix"), doc = "Who is calling, and whether they may; see the README.")]

#[cfg(feature = "actix")]
pub mod actix;
mod claims;
mod guard;
#[cfg(feature = "actix")]
mod problem;
mod refusal;

pub use claims::Claims;
pub use guard::Guard;
pub use refusal::{Denied, Refusal};

pub use portcullis_access as access;
pub use portcullis_domain as domain;
pub use portcullis_token as token;
