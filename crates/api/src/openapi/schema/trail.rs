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
    /// The entries, newest first.
    #[schema(max_items = 200)]
    items: Vec<AuditEntry>,
    /// The value of `cursor` for the next page; null on the last page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A security event or a decision. Members without a value are absent.
#[derive(ToSchema)]
pub(crate) struct AuditEntry {
    /// The time of the event or decision (RFC 3339, UTC).
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
    /// The id of the account concerned.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    subject: Option<String>,
    /// The id of the session concerned.
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
    /// The role of the subject. This and the following members, except `details`, are only for
    /// decisions.
    #[schema(nullable = false, example = "msa")]
    role: Option<String>,
    #[schema(nullable = false, example = "report")]
    resource: Option<String>,
    #[schema(nullable = false, example = "read")]
    action: Option<String>,
    /// The `owner_id` of the permission check.
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    owner: Option<String>,
    /// The `parties` of the permission check.
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
        .description(Some("The id: for an event a UUID, for a decision its `decision_id`."))
        .examples([json!("5f1c9a7e40d2b836-42")])
        .build();
    Schema::AnyOf(schema)
}

fn actor() -> Schema {
    let schema = AnyOfBuilder::new()
        .item(formatted(KnownFormat::Uuid))
        .item(word::one_of(["operator", "nobody"]))
        .description(Some(
            "The id of an account, `operator`, or `nobody` for an unauthenticated client.",
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
