//! Schema of the details of security events.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use portcullis_audit::{ExportFormat, TrailAlarm};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::field::{address, kind, outcome};
use crate::openapi::word;

/// What else is known of an event. Its kind and outcome decide which members there are.
#[derive(ToSchema)]
pub(crate) struct EventDetails {
    /// Fields of an account that differ.
    #[schema(nullable = false, min_items = 1)]
    changes: Option<Vec<FieldChange>>,
    #[schema(nullable = false, example = 2)]
    sessions_ended: Option<u64>,
    /// The refresh token that was presented again.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    presented: Option<String>,
    /// The latest refresh tokens of the session and the one that was presented, oldest first.
    #[schema(nullable = false)]
    family: Option<Vec<FamilyToken>>,
    /// How many older refresh tokens are not shown.
    #[schema(nullable = false, example = 0)]
    left_out: Option<u64>,
    /// A version of the access matrix.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 3)]
    version: Option<u32>,
    /// The version that was in force before.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 2)]
    previous: Option<u32>,
    /// The SHA-256 digest of an access matrix.
    #[schema(
        nullable = false,
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    digest: Option<String>,
    /// The first time of a replay.
    #[schema(nullable = false, format = DateTime, example = "2026-11-13T09:30:00Z")]
    from: Option<String>,
    /// The time at which a replay ends; decisions of that time are not part of it.
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    until: Option<String>,
    /// How many decisions a replay took again.
    #[schema(nullable = false, example = 120_000)]
    examined: Option<u64>,
    /// How many of them came out differently.
    #[schema(nullable = false, example = 12)]
    changed: Option<u64>,
    #[schema(nullable = false)]
    filter: Option<AuditFilter>,
    #[schema(schema_with = export_format, required = false)]
    format: Option<String>,
    /// A `decision_id`.
    #[schema(
        nullable = false,
        pattern = "^[0-9a-f]{16}-[1-9][0-9]*$",
        example = "5f1c9a7e40d2b836-42"
    )]
    decision: Option<String>,
    /// The size of a record that the database refused.
    #[schema(nullable = false, example = 4096)]
    bytes: Option<u64>,
    /// The name of a key.
    #[schema(
        nullable = false,
        pattern = "^[A-Za-z0-9_-]+$",
        example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )]
    kid: Option<String>,
    #[schema(nullable = false, example = "EdDSA")]
    algorithm: Option<String>,
    /// From when a key signs, if that is still to come.
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    signs_from: Option<String>,
    /// Until when tokens under a shared secret are accepted.
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    accepted_until: Option<String>,
    #[schema(schema_with = alarm, required = false)]
    alarm: Option<String>,
    /// The number of a checkpoint.
    #[schema(nullable = false, minimum = 1, example = 7)]
    checkpoint: Option<u64>,
    /// The chain that an alarm is about.
    #[schema(nullable = false, example = "5f1c9a7e40d2b836")]
    chain: Option<String>,
    /// The password hash that was replaced.
    #[schema(nullable = false)]
    before: Option<HashParameters>,
    /// The password hash in its place.
    #[schema(nullable = false)]
    after: Option<HashParameters>,
    /// How many events a purge removed.
    #[schema(nullable = false, example = 1000)]
    events: Option<u64>,
    /// How many decisions a purge removed.
    #[schema(nullable = false, example = 50_000)]
    decisions: Option<u64>,
}

/// One field before and after a change.
#[derive(ToSchema)]
pub(crate) struct FieldChange {
    #[schema(example = "role")]
    field: String,
    /// The value before; null where there was none.
    #[schema(example = "msa")]
    before: Option<String>,
    /// The value after; null where there is none.
    #[schema(example = "coordinator")]
    after: Option<String>,
}

/// A refresh token of a session. The id is no secret.
#[derive(ToSchema)]
pub(crate) struct FamilyToken {
    #[schema(format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    token: String,
    /// The token that it replaced; the first of a session has none.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    parent: Option<String>,
    #[schema(format = DateTime, example = "2026-11-20T09:30:00Z")]
    issued_at: String,
    #[schema(schema_with = address)]
    address: String,
    #[schema(nullable = false, max_length = 256, example = "curl/8")]
    user_agent: Option<String>,
}

/// What a search or an export of the audit log was limited to.
#[derive(ToSchema)]
pub(crate) struct AuditFilter {
    #[schema(nullable = false, format = DateTime, example = "2026-11-13T09:30:00Z")]
    from: Option<String>,
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    until: Option<String>,
    #[schema(schema_with = kind, required = false)]
    kind: Option<String>,
    #[schema(schema_with = outcome, required = false)]
    outcome: Option<String>,
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    actor: Option<String>,
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    subject: Option<String>,
    #[schema(nullable = false, example = "absence")]
    resource: Option<String>,
    #[schema(schema_with = address, required = false)]
    address: Option<String>,
}

/// How a password hash was made.
#[derive(ToSchema)]
pub(crate) struct HashParameters {
    #[schema(schema_with = hash_algorithm)]
    algorithm: String,
    /// Of bcrypt: the binary logarithm of the number of rounds.
    #[schema(nullable = false, example = 12)]
    cost: Option<u32>,
    /// Of Argon2id, like all that follows.
    #[schema(nullable = false, example = 19_456)]
    memory_kib: Option<u32>,
    #[schema(nullable = false, example = 2)]
    iterations: Option<u32>,
    #[schema(nullable = false, example = 1)]
    parallelism: Option<u32>,
}

fn export_format() -> Object {
    let words = ExportFormat::ALL.iter().map(|format| format.as_str());
    word::one_of(words).examples([json!("csv")]).build()
}

fn alarm() -> Object {
    let words = TrailAlarm::ALL.iter().map(|alarm| alarm.as_str());
    let schema =
        word::one_of(words).description(Some("What the server found wrong with the audit log."));
    schema.examples([json!("chain_cut")]).build()
}

fn hash_algorithm() -> Object {
    word::one_of(["bcrypt", "argon2id"]).examples([json!("argon2id")]).build()
}
