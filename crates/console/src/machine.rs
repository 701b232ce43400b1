//! Pages of programs that act for a person: API keys.

pub(crate) mod api_key;
