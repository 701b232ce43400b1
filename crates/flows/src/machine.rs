//! Use cases for other services: token introspection and revocation.

pub mod introspection;
