//! One entry of the audit log with its proof: its link computed again, and the checkpoint that covers it.
//!
//! The proof compares one entry with the link before it, by the code that verifies whole chains. Whether the
//! entries around it are intact, and whether some are gone, only a verification of the whole log says.

use std::sync::Arc;

use portcullis_audit::{
    AuditKeys, BlockReader, ChainId, Checkpoint, Details, Entry, EntryId, EntryProof, EventKind,
    Head, Link, StoredContent, StoredLink,
};

use crate::StoreError;
use crate::audit::checkpoint::Checkpoints;
use crate::audit::trail::{AuditLog, AuditLogError};
use crate::principal::Principal;

/// The port for reading one entry as it is sealed.
pub trait SealedEntryStore: Send + Sync {
    /// The event with this id, or the block that holds the decision, and what surrounds it, from one snapshot.
    fn sealed_entry(&self, id: EntryId) -> Result<Option<SealedEntry>, AuditLogError>;

    /// The stored link at this place; `None` if there is none.
    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError>;
}

/// A stored entry of a chain and what surrounds it, not verified.
#[derive(Clone, Debug)]
pub struct SealedEntry {
    /// The entry of the chain: an event, or a block of decisions.
    pub stored: StoredLink,
    /// The stored link before it.
    pub before: Option<Link>,
    /// The event or the decision before the wanted one.
    pub previous: Option<EntryId>,
    /// The event or the decision after the wanted one.
    pub next: Option<EntryId>,
}

/// One entry with its proof.
#[derive(Clone, Debug)]
pub struct ProvenEntry {
    /// The entry.
    pub entry: Entry<'static>,
    /// Its chain.
    pub chain: ChainId,
    /// Its sequence, or that of its block.
    pub sequence: u64,
    /// Of a decision: the number of decisions in its block, which are sealed together.
    pub in_block: Option<u32>,
    /// The stored link.
    pub link: Link,
    /// The stored link before it.
    pub before: Option<Link>,
    /// The comparison.
    pub proof: EntryProof,
    /// The event or the decision before it in the chain.
    pub previous: Option<EntryId>,
    /// The event or the decision after it in the chain.
    pub next: Option<EntryId>,
    /// The latest trusted checkpoint, if it covers the entry.
    pub covered_by: Option<CoveringCheckpoint>,
}

/// The latest checkpoint with a valid signature, which covers an entry.
#[derive(Clone, Debug)]
pub struct CoveringCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The head of the chain that it, or one before it, states.
    pub head: Head,
    /// True if the stored link at this head is the stated one.
    pub fits: bool,
}

/// Reads one entry with its proof. Each reading is recorded.
pub struct EntryProofs {
    store: Arc<dyn SealedEntryStore>,
    log: Arc<AuditLog>,
    checkpoints: Arc<Checkpoints>,
    /// Oldest first.
    keys: Vec<Arc<AuditKeys>>,
}

impl EntryProofs {
    /// Creates the use case from its dependencies. `keys` are all keys that the node knows, oldest first.
    pub fn new(
        store: Arc<dyn SealedEntryStore>,
        log: Arc<AuditLog>,
        checkpoints: Arc<Checkpoints>,
        keys: Vec<Arc<AuditKeys>>,
    ) -> Self {
        Self { store, log, checkpoints, keys }
    }

    /// The entry with its proof, computed now; `None` if no chain has it.
    ///
    /// # Errors
    ///
    /// If the entry cannot be read, and if the database fails.
    pub fn read(
        &self,
        principal: &Principal,
        id: EntryId,
    ) -> Result<Option<ProvenEntry>, AuditLogError> {
        let Some(sealed) = self.store.sealed_entry(id)? else { return Ok(None) };
        let SealedEntry { stored, before, previous, next } = sealed;
        let Some(entry) = entry_of(&stored, id)? else { return Ok(None) };
        let keys: Vec<&AuditKeys> = self.keys.iter().map(|keys| &**keys).collect();
        let proof = EntryProof::of(&keys, before, &stored);
        let covered_by = self.covered_by(stored.chain, stored.sequence)?;
        let (kind, details) = match id {
            EntryId::Event(event) => (EventKind::EventRead, Details::Event { event }),
            EntryId::Decision(decision) => {
                (EventKind::DecisionRead, Details::Decision { decision })
            }
        };
        self.log.record(kind, principal, entry.subject, details)?;
        let StoredLink { chain, sequence, link, content } = stored;
        let in_block = match content {
            StoredContent::Event(_) => None,
            StoredContent::Block(block) => Some(block.count),
        };
        Ok(Some(ProvenEntry {
            entry,
            chain,
            sequence,
            in_block,
            link,
            before,
            proof,
            previous,
            next,
            covered_by,
        }))
    }

    fn covered_by(
        &self,
        chain: ChainId,
        sequence: u64,
    ) -> Result<Option<CoveringCheckpoint>, AuditLogError> {
        let covering = self.checkpoints.covering(chain, sequence)?;
        let Some((checkpoint, head)) = covering else { return Ok(None) };
        let found = self.store.link_at(chain, head.sequence)?;
        Ok(Some(CoveringCheckpoint { checkpoint, head, fits: found == Some(head.link) }))
    }
}

/// The wanted entry of a stored one; `None` if a block does not have it.
fn entry_of(stored: &StoredLink, id: EntryId) -> Result<Option<Entry<'static>>, AuditLogError> {
    match &stored.content {
        StoredContent::Event(event) => Ok(Some(Entry::of_event(event).into_owned())),
        StoredContent::Block(block) => {
            let mut decisions = BlockReader::new(&block.payload)?;
            while let Some((found, decision)) = decisions.read()? {
                if EntryId::Decision(found) == id {
                    return Ok(Some(Entry::of_decision(found, &decision).into_owned()));
                }
            }
            Ok(None)
        }
    }
}
