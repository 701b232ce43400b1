//! Storage of the area `machine`: token introspection.

pub(crate) mod introspection;
