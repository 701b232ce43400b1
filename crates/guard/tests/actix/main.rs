//! Tests of an actix-web service behind the guard, by requests of its callers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answer;
mod authentication;
mod authorization;
mod service;
mod tokens;
