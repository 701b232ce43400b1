//! Storage of the area `machine`: API keys and token introspection.

pub(crate) mod api_key;
pub(crate) mod api_key_row;
pub(crate) mod introspection;
