//! Schemas of the access matrix: differences, replay report, effective matrix.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder};

use crate::openapi::word;

/// The differences in meaning between the active access matrix and a candidate.
#[derive(ToSchema)]
pub(crate) struct MatrixDiff {
    roles: WordChanges,
    resources: WordChanges,
    actions: WordChanges,
    /// The role of self-registered accounts, before and after; null if it does not change.
    #[schema(min_items = 2, max_items = 2, example = json!(["guest", "msa"]))]
    self_registration_role: Option<Vec<String>>,
    /// Changes of inheritance between a role and its direct juniors.
    hierarchy: Vec<HierarchyChange>,
    /// The first 10,000 changed cells.
    #[schema(max_items = 10_000)]
    cells: Vec<CellChange>,
    /// The number of further changed cells.
    #[schema(example = 0)]
    cells_left_out: u64,
}

/// Added and removed words of one kind.
#[derive(ToSchema)]
pub(crate) struct WordChanges {
    /// The words that only the candidate has.
    #[schema(example = json!(["night_shift"]))]
    added: Vec<String>,
    /// The words that only the active matrix has.
    #[schema(example = json!([]))]
    removed: Vec<String>,
}

/// An added or removed inheritance between two roles.
#[derive(ToSchema)]
pub(crate) struct HierarchyChange {
    /// The role that inherits.
    #[schema(example = "coordinator")]
    senior: String,
    /// The role that it inherits from.
    #[schema(example = "msa")]
    junior: String,
    /// True if only the candidate has the inheritance, false if only the active matrix has it.
    #[schema(example = true)]
    added: bool,
}

/// A changed permission of a role: gained, lost, or under other conditions.
#[derive(ToSchema)]
pub(crate) struct CellChange {
    /// The role, with its inherited permissions.
    #[schema(example = "msa")]
    role: String,
    #[schema(example = "report")]
    resource: String,
    #[schema(example = "read")]
    action: String,
    #[schema(schema_with = change)]
    change: String,
    /// The permission in the active matrix: `always`, `never`, or its conditions.
    #[schema(example = "never")]
    before: String,
    /// The permission in the candidate: `always`, `never`, or its conditions.
    #[schema(example = "own or not_own + party")]
    after: String,
}

fn change() -> Object {
    word::one_of(["gained", "lost", "conditions_changed"]).examples([json!("gained")]).build()
}

/// The decisions that change with a candidate.
#[derive(ToSchema)]
pub(crate) struct ReplayReport {
    /// The number of evaluated decisions.
    #[schema(example = 120_000)]
    examined: u64,
    /// The number of denied decisions that the candidate allows.
    #[schema(example = 12)]
    gained: u64,
    /// The number of allowed decisions that the candidate denies.
    #[schema(example = 0)]
    lost: u64,
    /// The changes, most frequent first.
    #[schema(max_items = 10_000)]
    changes: Vec<ReplayedChange>,
    /// The number of changed decisions that are not in `changes`, because the list is limited.
    #[schema(example = 0)]
    left_out: u64,
}

/// Decisions with the same change.
#[derive(ToSchema)]
pub(crate) struct ReplayedChange {
    #[schema(example = "msa")]
    role: String,
    #[schema(example = "report")]
    resource: String,
    #[schema(example = "read")]
    action: String,
    /// True if the candidate allows them, false if it denies them.
    #[schema(example = true)]
    gains: bool,
    /// The reason that the candidate gives.
    #[schema(example = "granted by msa report read (line 70)")]
    rule: String,
    /// The number of decisions.
    #[schema(minimum = 1, example = 12)]
    times: u64,
    /// The time of the earliest decision (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-11-13T09:31:00Z")]
    first_at: String,
    /// The time of the latest decision (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-11-20T09:29:00Z")]
    last_at: String,
    /// The ids of the accounts concerned, at most 100.
    #[schema(schema_with = subjects)]
    subjects: Vec<String>,
    /// The number of decisions about accounts that are not in `subjects`.
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
        .description(Some("The ids of the accounts concerned, at most 100."))
        .examples([json!(["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"])])
        .build()
}

/// The effective access matrix, restricted to the roles that the caller may see.
#[derive(ToSchema)]
pub(crate) struct EffectiveMatrix {
    /// The role of self-registered accounts; null if the caller may not see it.
    #[schema(example = "msa")]
    self_registration_role: Option<String>,
    #[schema(example = json!(["schedule"]))]
    resources: Vec<String>,
    #[schema(example = json!(["read"]))]
    actions: Vec<String>,
    roles: Vec<EffectiveRole>,
}

/// A role with its inherited permissions.
#[derive(ToSchema)]
pub(crate) struct EffectiveRole {
    #[schema(example = "msa")]
    role: String,
    /// The roles that it inherits from directly.
    #[schema(example = json!([]))]
    juniors: Vec<String>,
    /// For each resource and action, the grants that give it to the role. Denied actions are absent.
    #[schema(example = json!({ "schedule": { "read": [{ "when": [], "from": "msa" }] } }))]
    access: BTreeMap<String, BTreeMap<String, Vec<AccessWay>>>,
}

/// A grant that gives an action to a role, directly or by inheritance.
#[derive(ToSchema)]
pub(crate) struct AccessWay {
    /// The conditions, which must all hold; empty for an unconditional grant.
    #[schema(max_items = 8, example = json!(["own"]))]
    when: Vec<String>,
    /// The role that has the grant; null if the caller may not see that role.
    #[schema(example = "msa")]
    from: Option<String>,
}
