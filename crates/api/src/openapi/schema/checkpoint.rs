//! Schema of a checkpoint file.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use utoipa::ToSchema;

/// A signed checkpoint of the audit log.
#[derive(ToSchema)]
pub(crate) struct CheckpointFile {
    checkpoint: CheckpointStatement,
    /// The Ed25519 public key of the signature, as hexadecimal.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )]
    public_key: String,
    /// The SHA-256 digest of the key, as hexadecimal.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"
    )]
    fingerprint: String,
    /// The Ed25519 signature, as hexadecimal.
    #[schema(pattern = "^[0-9a-f]{128}$", example = json!("e5".repeat(64)))]
    signature: String,
}

/// The signed content of a checkpoint.
#[derive(ToSchema)]
pub(crate) struct CheckpointStatement {
    /// The version of the format.
    #[schema(minimum = 1, maximum = 2, example = 2)]
    version: u8,
    /// The number of the checkpoint, counted from 1.
    #[schema(minimum = 1, example = 1)]
    number: u64,
    /// The time of the checkpoint (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: String,
    /// The digest of the previous checkpoint; null for the first.
    #[schema(pattern = "^[0-9a-f]{64}$", example = json!(null))]
    previous: Option<String>,
    /// The number of a checkpoint. The entries up to it may have been purged.
    #[schema(minimum = 1, example = json!(null))]
    purged_to: Option<u64>,
    #[schema(nullable = false)]
    every: Option<EveryChain>,
    /// The chains that grew since the previous checkpoint, or all chains, in the order of their ids.
    heads: Vec<ChainHead>,
}

/// A digest of the heads of all chains; not in version 1.
#[derive(ToSchema)]
pub(crate) struct EveryChain {
    /// The number of chains.
    #[schema(example = 3)]
    chains: u64,
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    digest: String,
}

/// The head of a chain at the time of the checkpoint.
#[derive(ToSchema)]
pub(crate) struct ChainHead {
    /// The id of the chain.
    #[schema(pattern = "^[0-9a-f]{16}$", example = "5f1c9a7e40d2b836")]
    chain: String,
    /// The sequence number of the latest record.
    #[schema(example = 12)]
    sequence: u64,
    /// The number of events or decisions since the beginning of the chain.
    #[schema(example = 480)]
    entries: u64,
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    link: String,
}
