//! Owners of accounts who add, use and remove second factors without pauses, and the rules that check their
//! histories.
//!
//! The method is that of [`crate::history`]: a lost answer may stand for either outcome, never for a partial
//! one. After each fault the owner must get in: by the former factors, or by the new ones.

mod app;
mod history;
mod operation;
mod owner;
mod rules;

pub(crate) use app::App;
pub(crate) use history::Connection;
pub(crate) use operation::Kind;
pub(crate) use owner::Owner;
pub(crate) use rules::{broken, done_without_an_answer, successes};

/// The origin of the pages of these servers, for passkeys: their ports differ.
pub(crate) const ORIGIN: &str = "http://localhost:8080";

/// The variable that tells it to a server.
pub(crate) const BASE_URL: (&str, &str) = ("PORTCULLIS__SERVER__BASE_URL", ORIGIN);
