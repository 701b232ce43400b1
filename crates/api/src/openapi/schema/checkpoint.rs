//! Schema of a checkpoint file.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use utoipa::ToSchema;

/// A signed checkpoint of the audit log.
#[derive(ToSchema)]
pub(crate) struct CheckpointFile {
    checkpoint: CheckpointStatement,
    /// The Ed25519 key that it says it is signed with.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )]
    public_key: String,
    /// The SHA-256 digest of the key.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"
    )]
    fingerprint: String,
    #[schema(pattern = "^[0-9a-f]{128}$", example = json!("e5".repeat(64)))]
    signature: String,
}

/// What is signed.
#[derive(ToSchema)]
pub(crate) struct CheckpointStatement {
    #[schema(minimum = 1, maximum = 2, example = 2)]
    version: u8,
    #[schema(minimum = 1, example = 1)]
    number: u64,
    #[schema(format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: String,
    /// The digest of the checkpoint before it.
    #[schema(pattern = "^[0-9a-f]{64}$", example = json!(null))]
    previous: Option<String>,
    /// The number of a checkpoint; what that one and earlier ones cover may have been removed.
    #[schema(minimum = 1, example = json!(null))]
    purged_to: Option<u64>,
    #[schema(nullable = false)]
    every: Option<EveryChain>,
    /// The chains that moved since the checkpoint before it, or all chains, in the order of their ids.
    heads: Vec<ChainHead>,
}

/// Where every chain stood; not in version 1.
#[derive(ToSchema)]
pub(crate) struct EveryChain {
    #[schema(example = 3)]
    chains: u64,
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    digest: String,
}

/// Where a chain stood.
#[derive(ToSchema)]
pub(crate) struct ChainHead {
    #[schema(pattern = "^[0-9a-f]{16}$", example = "5f1c9a7e40d2b836")]
    chain: String,
    #[schema(example = 12)]
    sequence: u64,
    /// How many events or decisions it has held.
    #[schema(example = 480)]
    entries: u64,
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    link: String,
}
