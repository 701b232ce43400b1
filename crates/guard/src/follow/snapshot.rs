//! Client of the revocation snapshot: the start of a follower, and its restart after a long
//! disconnection.
//!
//! Entries are lines; the last line signs their number and their digest. No entry is used before
//! the signature is verified, and a used entry is removed only when it expires.

use std::sync::Arc;

use portcullis_domain::{Clock, constant_time_eq};
use portcullis_token::{RevocationEntry, SnapshotClaims, Verifier};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Fault;
use super::authority::Authority;
use crate::revocation_state::RevocationState;

/// Fetches snapshots.
pub(crate) struct Snapshots {
    verifier: Arc<Verifier<SnapshotClaims>>,
    known: Arc<RevocationState>,
    clock: Arc<dyn Clock>,
}

/// The signature line, which is the last one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    signed: String,
}

impl Snapshots {
    pub(crate) const fn new(
        verifier: Arc<Verifier<SnapshotClaims>>,
        known: Arc<RevocationState>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { verifier, known, clock }
    }

    /// Adds all revocations of a snapshot. Returns the cursor from which the feed continues.
    pub(crate) async fn take(&self, authority: &Authority) -> Result<String, Fault> {
        let mut lines = authority.snapshot().await?;
        let mut digest = Sha256::new();
        let mut entries = Vec::new();
        loop {
            // Without the last line the snapshot is incomplete.
            let line = lines.next().await?.ok_or(Fault::Changed)?;
            if let Ok(Signature { signed }) = serde_json::from_slice(&line) {
                let claims = self.verifier.verify(&signed, self.clock.now());
                let claims = claims.map_err(Fault::Unsigned)?;
                let is_whole = u64::try_from(entries.len()) == Ok(claims.entries);
                if !is_whole || !constant_time_eq(&claims.digest, &digest.finalize()) {
                    return Err(Fault::Changed);
                }
                self.known.revocations.revoke_all(entries);
                return Ok(claims.cursor);
            }
            digest.update(&line);
            let entry: RevocationEntry =
                serde_json::from_slice(&line).map_err(|_| Fault::Malformed("a revocation"))?;
            entries.push(entry);
        }
    }
}
