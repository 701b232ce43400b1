//! Schemas of the access matrix: differences, replay report, effective matrix.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder};

use crate::openapi::word;

/// The difference in meaning between the matrix in force and a candidate.
#[derive(ToSchema)]
pub(crate) struct MatrixDiff {
    roles: WordChanges,
    resources: WordChanges,
    actions: WordChanges,
    /// The role of a self-registered account, before and after; null where it stays the same.
    #[schema(min_items = 2, max_items = 2, example = json!(["guest", "msa"]))]
    self_registration_role: Option<Vec<String>>,
    /// Changes of inheritance between a role and its direct juniors.
    hierarchy: Vec<HierarchyChange>,
    /// The first 10,000 changed cells.
    #[schema(max_items = 10_000)]
    cells: Vec<CellChange>,
    /// How many more cells change.
    #[schema(example = 0)]
    cells_left_out: u64,
}

/// Words of one kind that come and go.
#[derive(ToSchema)]
pub(crate) struct WordChanges {
    /// Only in the candidate.
    #[schema(example = json!(["night_shift"]))]
    added: Vec<String>,
    /// Only in the matrix in force.
    #[schema(example = json!([]))]
    removed: Vec<String>,
}

/// A step of inheritance that comes or goes.
#[derive(ToSchema)]
pub(crate) struct HierarchyChange {
    /// The role that inherits.
    #[schema(example = "coordinator")]
    senior: String,
    /// The role that it inherits from.
    #[schema(example = "msa")]
    junior: String,
    /// Whether the candidate has the step and the matrix in force does not; otherwise the reverse.
    #[schema(example = true)]
    added: bool,
}

/// An action on a resource that a role gains or loses, or has under other conditions.
#[derive(ToSchema)]
pub(crate) struct CellChange {
    /// The role, with what it inherits.
    #[schema(example = "msa")]
    role: String,
    #[schema(example = "report")]
    resource: String,
    #[schema(example = "read")]
    action: String,
    #[schema(schema_with = change)]
    change: String,
    /// `always`, `never`, or the conditions.
    #[schema(example = "never")]
    before: String,
    /// `always`, `never`, or the conditions.
    #[schema(example = "own or not_own + party")]
    after: String,
}

fn change() -> Object {
    word::one_of(["gained", "lost", "conditions_changed"]).examples([json!("gained")]).build()
}

/// What a candidate would have decided differently.
#[derive(ToSchema)]
pub(crate) struct ReplayReport {
    /// How many decisions were taken again.
    #[schema(example = 120_000)]
    examined: u64,
    /// How many denials would be grants.
    #[schema(example = 12)]
    gained: u64,
    /// How many grants would be denials.
    #[schema(example = 0)]
    lost: u64,
    /// What changes, most frequent first.
    #[schema(max_items = 10_000)]
    changes: Vec<ReplayedChange>,
    /// How many changed decisions belong to no item of `changes`, for lack of room.
    #[schema(example = 0)]
    left_out: u64,
}

/// Decisions that would change alike.
#[derive(ToSchema)]
pub(crate) struct ReplayedChange {
    #[schema(example = "msa")]
    role: String,
    #[schema(example = "report")]
    resource: String,
    #[schema(example = "read")]
    action: String,
    /// Whether denials would be grants; otherwise the reverse.
    #[schema(example = true)]
    gains: bool,
    /// The reason of the candidate.
    #[schema(example = "granted by msa report read (line 70)")]
    rule: String,
    /// How many decisions.
    #[schema(minimum = 1, example = 12)]
    times: u64,
    /// The time of the earliest decision.
    #[schema(format = DateTime, example = "2026-11-13T09:31:00Z")]
    first_at: String,
    /// The time of the latest decision.
    #[schema(format = DateTime, example = "2026-11-20T09:29:00Z")]
    last_at: String,
    /// Accounts that the decisions concern, at most 100.
    #[schema(schema_with = subjects)]
    subjects: Vec<String>,
    /// How many of the decisions concern accounts that `subjects` does not name.
    #[schema(example = 0)]
    times_by_others: u64,
}

fn subjects() -> Array {
    let account = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    ArrayBuilder::new()
        .items(account)
        .min_items(Some(1))
        .max_items(Some(100))
        .unique_items(true)
        .description(Some("Accounts that the decisions concern, at most 100."))
        .examples([json!(["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"])])
        .build()
}

/// The effective access matrix, as far as the caller may see it.
#[derive(ToSchema)]
pub(crate) struct EffectiveMatrix {
    /// The role of a self-registered account; null where the caller may not see it.
    #[schema(example = "msa")]
    self_registration_role: Option<String>,
    #[schema(example = json!(["schedule"]))]
    resources: Vec<String>,
    #[schema(example = json!(["read"]))]
    actions: Vec<String>,
    roles: Vec<EffectiveRole>,
}

/// A role with what it inherits.
#[derive(ToSchema)]
pub(crate) struct EffectiveRole {
    #[schema(example = "msa")]
    role: String,
    /// The roles that it inherits from directly.
    #[schema(example = json!([]))]
    juniors: Vec<String>,
    /// By resource and action the ways in which the role has it; what it does not have is left out.
    #[schema(example = json!({ "schedule": { "read": [{ "when": [], "from": "msa" }] } }))]
    access: BTreeMap<String, BTreeMap<String, Vec<AccessWay>>>,
}

/// One way in which a role has an action.
#[derive(ToSchema)]
pub(crate) struct AccessWay {
    /// The conditions that must all hold; empty for always.
    #[schema(max_items = 8, example = json!(["own"]))]
    when: Vec<String>,
    /// The role that has the grant; null where the caller may not see it.
    #[schema(example = "msa")]
    from: Option<String>,
}
