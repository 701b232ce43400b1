//! A service that protects itself with the guard, asked as its callers ask it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answer;
mod authentication;
mod authorization;
mod service;
mod tokens;
