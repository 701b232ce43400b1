//! Schemas of fields that audit entries and their details share.

use serde_json::json;
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, Schema};

use crate::openapi::word;

pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

pub(super) fn kind() -> Object {
    word::event_kind()
        .description(Some("The kind of event."))
        .examples([json!("permission_check")])
        .build()
}

pub(super) fn outcome() -> Object {
    word::outcome().description(Some("The outcome.")).examples([json!("denied")]).build()
}

pub(super) fn address() -> Schema {
    let schema = either_version();
    let schema = schema.description(Some("The address of the client."));
    Schema::AnyOf(schema.examples([json!("192.0.2.7")]).build())
}

/// The format of an IP address of either version.
pub(crate) fn address_format() -> Schema {
    Schema::AnyOf(either_version().build())
}

fn either_version() -> AnyOfBuilder {
    let [v4, v6] = [KnownFormat::Ipv4, KnownFormat::Ipv6].map(formatted);
    AnyOfBuilder::new().item(v4).item(v6)
}
