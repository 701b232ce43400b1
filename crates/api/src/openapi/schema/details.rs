//! Schema of the details of security events.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use portcullis_audit::{ExportFormat, RiskOutcome, TrailAlarm};
use portcullis_domain::Factor;
use portcullis_token::SigningAlgorithm;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::field::{address, kind, outcome};
use crate::openapi::word;

/// The details of an event. Its kind and outcome determine the members.
#[derive(ToSchema)]
pub(crate) struct EventDetails {
    /// The changed fields of the account.
    #[schema(nullable = false, min_items = 1)]
    changes: Option<Vec<FieldChange>>,
    /// The kind of the second factor.
    #[schema(schema_with = word::factor, required = false)]
    factor: Option<Factor>,
    /// The number of sessions that ended.
    #[schema(nullable = false, example = 2)]
    sessions_ended: Option<u64>,
    /// The id of the reused refresh token.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    presented: Option<String>,
    /// The latest refresh tokens of the session and the reused one, oldest first.
    #[schema(nullable = false)]
    family: Option<Vec<FamilyToken>>,
    /// The number of older refresh tokens that are not listed.
    #[schema(nullable = false, example = 0)]
    left_out: Option<u64>,
    /// The version of the access matrix.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 3)]
    version: Option<u32>,
    /// The previously active version.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 2)]
    previous: Option<u32>,
    /// The SHA-256 digest of the access matrix.
    #[schema(
        nullable = false,
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    digest: Option<String>,
    /// The start of the period of a replay (inclusive).
    #[schema(nullable = false, format = DateTime, example = "2026-11-13T09:30:00Z")]
    from: Option<String>,
    /// The end of the period of a replay (exclusive).
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    until: Option<String>,
    /// The number of decisions that a replay evaluated.
    #[schema(nullable = false, example = 120_000)]
    examined: Option<u64>,
    /// The number of decisions that changed in a replay.
    #[schema(nullable = false, example = 12)]
    changed: Option<u64>,
    #[schema(nullable = false)]
    filter: Option<AuditFilter>,
    #[schema(schema_with = export_format, required = false)]
    format: Option<String>,
    /// The `decision_id` of the decision.
    #[schema(
        nullable = false,
        pattern = "^[0-9a-f]{16}-[1-9][0-9]*$",
        example = "5f1c9a7e40d2b836-42"
    )]
    decision: Option<String>,
    /// The size of the record that the database refused, in bytes.
    #[schema(nullable = false, example = 4096)]
    bytes: Option<u64>,
    /// The id of the key.
    #[schema(
        nullable = false,
        pattern = "^[A-Za-z0-9_-]+$",
        example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )]
    kid: Option<String>,
    #[schema(schema_with = key_algorithm, required = false)]
    algorithm: Option<String>,
    /// The time from which the key signs, if it is in the future.
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    signs_from: Option<String>,
    /// The time until which tokens under the shared secret are accepted.
    #[schema(nullable = false, format = DateTime, example = "2026-11-20T09:30:00Z")]
    accepted_until: Option<String>,
    #[schema(schema_with = alarm, required = false)]
    alarm: Option<String>,
    /// The number of the checkpoint.
    #[schema(nullable = false, minimum = 1, example = 7)]
    checkpoint: Option<u64>,
    /// The id of the chain of an alarm.
    #[schema(nullable = false, example = "5f1c9a7e40d2b836")]
    chain: Option<String>,
    /// The parameters of the replaced password hash.
    #[schema(nullable = false)]
    before: Option<HashParameters>,
    /// The parameters of the new password hash.
    #[schema(nullable = false)]
    after: Option<HashParameters>,
    /// The banned address; of an IPv6 network the first one.
    #[schema(nullable = false, example = "192.0.2.7")]
    address: Option<String>,
    /// The number of bits that the banned addresses have in common: 32 for IPv4, 64 for IPv6.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0, maximum = 128, example = 32)]
    prefix_length: Option<u8>,
    /// The duration of a ban, in seconds; of a lifted ban the remaining one.
    #[schema(nullable = false, example = 600)]
    seconds: Option<u64>,
    /// The number of offences before the one that started a ban.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 120)]
    offences: Option<u32>,
    /// The number of former bans of the address.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 0)]
    former_bans: Option<u32>,
    /// The id of an invitation.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15")]
    invitation: Option<String>,
    /// The invited address.
    #[schema(nullable = false, example = "ada@example.org")]
    email: Option<String>,
    /// The role of an invitation.
    #[schema(nullable = false, example = "resident")]
    role: Option<String>,
    #[schema(schema_with = word::account_kind, required = false)]
    kind: Option<String>,
    /// The id of an API key.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e16")]
    key: Option<String>,
    /// The name of an API key.
    #[schema(nullable = false, example = "nightly report")]
    name: Option<String>,
    /// The scope of an API key, with spaces between its pairs.
    #[schema(nullable = false, example = "schedule:read")]
    scope: Option<String>,
    /// The networks that an API key may be used from, with spaces between them.
    #[schema(nullable = false, example = "192.0.2.0/24")]
    networks: Option<String>,
    /// The end of the life of an API key.
    #[schema(nullable = false, format = DateTime, example = "2027-02-18T09:30:00Z")]
    expires_at: Option<String>,
    /// The API key that another one replaces.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e17")]
    replaces: Option<String>,
    /// The number of uses of an API key.
    #[schema(nullable = false, example = 120)]
    uses: Option<u64>,
    /// The number of mails that an operator sent again.
    #[schema(nullable = false, example = 3)]
    messages: Option<u64>,
    /// The mail of the outbox that an administrator sent again.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e19")]
    message: Option<String>,
    /// The risk score of a sign-in.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0,
        maximum = 4_294_967_295_u32, example = 45)]
    score: Option<u32>,
    #[schema(schema_with = word::risk_outcome, required = false)]
    outcome: Option<RiskOutcome>,
    /// The facts that the risk score of a sign-in rests on.
    #[schema(nullable = false)]
    facts: Option<RiskFacts>,
    /// The number of events that a purge deleted.
    #[schema(nullable = false, example = 1000)]
    events: Option<u64>,
    /// The number of decisions that a purge deleted.
    #[schema(nullable = false, example = 50_000)]
    decisions: Option<u64>,
}

/// One field before and after a change.
#[derive(ToSchema)]
pub(crate) struct FieldChange {
    /// The name of the field.
    #[schema(example = "role")]
    field: String,
    /// The value before the change; null if there was none.
    #[schema(example = "msa")]
    before: Option<String>,
    /// The value after the change; null if there is none.
    #[schema(example = "coordinator")]
    after: Option<String>,
}

/// A refresh token of a session.
#[derive(ToSchema)]
pub(crate) struct FamilyToken {
    /// The id of the token. It is not secret.
    #[schema(format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    token: String,
    /// The id of the token that it replaced; absent for the first token of a session.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    parent: Option<String>,
    #[schema(format = DateTime, example = "2026-11-20T09:30:00Z")]
    issued_at: String,
    #[schema(schema_with = address)]
    address: String,
    #[schema(nullable = false, max_length = 256, example = "curl/8")]
    user_agent: Option<String>,
}

/// The filter of a search or an export of the audit log.
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

/// The algorithm and the parameters of a password hash.
#[derive(ToSchema)]
pub(crate) struct HashParameters {
    #[schema(schema_with = hash_algorithm)]
    algorithm: String,
    /// bcrypt: the binary logarithm of the number of rounds.
    #[schema(nullable = false, example = 12)]
    cost: Option<u32>,
    /// Argon2id: the memory in KiB.
    #[schema(nullable = false, example = 19_456)]
    memory_kib: Option<u32>,
    /// Argon2id: the number of passes.
    #[schema(nullable = false, example = 2)]
    iterations: Option<u32>,
    /// Argon2id: the number of lanes.
    #[schema(nullable = false, example = 1)]
    parallelism: Option<u32>,
}

/// The facts about a sign-in whose first proof was right.
#[derive(ToSchema)]
pub(crate) struct RiskFacts {
    /// The device cookie is valid for the account.
    #[schema(example = false)]
    known_device: bool,
    /// The account was signed in to from this network before.
    #[schema(example = false)]
    known_network: bool,
    /// The number of earlier sign-ins in the history.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 64)]
    earlier_sign_ins: u32,
    /// The number of recent failed attempts of unknown devices for the account.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 0)]
    account_failures: u32,
    /// The number of failed attempts from the network in the last hour.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 80)]
    network_failures: u32,
    /// The number of distinct names that failed from the network in the last hour.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 75)]
    network_names: u32,
    /// The share of earlier sign-ins at about this hour of the week, in thousandths; absent if there are too few.
    #[schema(nullable = false, value_type = i64, required = false, minimum = 0, maximum = 1000, example = 12)]
    usual_hour_permille: Option<u16>,
    /// The way from the latest sign-in; absent if a position is unknown.
    #[schema(nullable = false)]
    travel: Option<Travel>,
    /// The address is on the list of bad addresses.
    #[schema(example = false)]
    listed_address: bool,
}

/// The way from the latest sign-in of the account.
#[derive(ToSchema)]
pub(crate) struct Travel {
    /// The distance less both accuracy radii.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 1200)]
    kilometres: u32,
    /// The time between the sign-ins.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 30)]
    minutes: u32,
}

fn export_format() -> Object {
    let words = ExportFormat::ALL.iter().map(|format| format.as_str());
    word::one_of(words).examples([json!("csv")]).build()
}

fn key_algorithm() -> Object {
    let words = SigningAlgorithm::ALL.iter().map(|algorithm| algorithm.name());
    word::described(words, "The algorithm of the key.", "EdDSA")
}

fn alarm() -> Object {
    let words = TrailAlarm::ALL.iter().map(|alarm| alarm.as_str());
    let schema =
        word::one_of(words).description(Some("The fault that the server found in the audit log."));
    schema.examples([json!("chain_cut")]).build()
}

fn hash_algorithm() -> Object {
    word::one_of(["bcrypt", "argon2id"]).examples([json!("argon2id")]).build()
}
