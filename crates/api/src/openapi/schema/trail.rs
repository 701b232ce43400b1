//! Schemas of the audit log: pages and entries.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, Schema};

use super::details::EventDetails;
use super::field::{address, formatted, kind, outcome, text};
use crate::openapi::word;

/// One page of a search.
#[derive(ToSchema)]
pub(crate) struct AuditPage {
    /// The newest first.
    #[schema(max_items = 200)]
    items: Vec<AuditEntry>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A security event or a decision. A member without a value is left out.
#[derive(ToSchema)]
pub(crate) struct AuditEntry {
    #[schema(format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: String,
    #[schema(schema_with = entry_id)]
    id: String,
    #[schema(schema_with = kind)]
    kind: String,
    #[schema(schema_with = outcome)]
    outcome: String,
    #[schema(schema_with = actor)]
    actor: String,
    /// The account that it is about.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    subject: Option<String>,
    /// The session that it is about.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    session: Option<String>,
    #[schema(schema_with = address)]
    address: String,
    /// The `User-Agent` of the client.
    #[schema(nullable = false, max_length = 256, example = "curl/8")]
    user_agent: Option<String>,
    /// The id of the request in the log of the server.
    #[schema(nullable = false, example = "5f1c9a7e40d2b836-2a")]
    request_id: Option<String>,
    /// The role of the subject; like all that follows but `details`, of decisions only.
    #[schema(nullable = false, example = "msa")]
    role: Option<String>,
    #[schema(nullable = false, example = "report")]
    resource: Option<String>,
    #[schema(nullable = false, example = "read")]
    action: Option<String>,
    /// The `owner_id` of the question.
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    owner: Option<String>,
    /// The `parties` of the question.
    #[schema(nullable = false, max_items = 32,
        example = json!(["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13"]))]
    parties: Option<Vec<String>>,
    #[schema(schema_with = attributes, required = false)]
    attributes: Option<Value>,
    /// The version of the access matrix that decided.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 1)]
    matrix_version: Option<u32>,
    /// The reason of the decision.
    #[schema(nullable = false, example = "denied: no grant")]
    reason: Option<String>,
    #[schema(nullable = false)]
    details: Option<EventDetails>,
}

fn entry_id() -> Schema {
    let schema = AnyOfBuilder::new()
        .item(formatted(KnownFormat::Uuid))
        .item(text().pattern(Some("^[0-9a-f]{16}-[1-9][0-9]*$")))
        .description(Some("Of an event a UUID, of a decision its `decision_id`."))
        .examples([json!("5f1c9a7e40d2b836-42")])
        .build();
    Schema::AnyOf(schema)
}

fn actor() -> Schema {
    let schema = AnyOfBuilder::new()
        .item(formatted(KnownFormat::Uuid))
        .item(word::one_of(["operator", "nobody"]))
        .description(Some(
            "An account, `operator`, or `nobody` for a client that has proven nothing.",
        ))
        .examples([json!("019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")])
        .build();
    Schema::AnyOf(schema)
}

fn attributes() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("The `attributes` of the question."))
        .examples([json!({ "site": "north" })])
        .build()
}
