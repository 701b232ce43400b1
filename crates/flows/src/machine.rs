//! Use cases for other services and programs: API keys, token introspection and revocation.

pub mod api_key;
pub mod introspection;
