//! `EntryProof`: verifies one entry by the link before it, as the verification of a whole chain does.

use crate::{AuditKeys, Fingerprint, Link, StoredContent, StoredLink};

use super::chains::{content, sealing_key};

/// One entry, compared with its link.
///
/// An intact entry was written by a holder of the key after exactly this link. It proves nothing about other
/// entries: those before it may be changed if *their* links are, and those after it may be gone. The
/// [`Verifier`](crate::Verifier) reads all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryProof {
    /// The SHA-256 of the content as it is stored now.
    pub content: Fingerprint,
    /// The link that the content and the link before it give now; `None` if the link before it is not known.
    pub computed: Option<Link>,
    /// The result of the comparison.
    pub verdict: EntryVerdict,
}

/// The result of comparing one entry with its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryVerdict {
    /// Content, place and link fit.
    Intact,
    /// They do not fit: the entry or the link before it was changed, or written without the key.
    Changed,
    /// The link before it is not stored any more, so nothing can be compared.
    Unknown,
}

impl EntryProof {
    /// Verifies an entry.
    ///
    /// `keys` are all keys that the audit log was written with, oldest first. `before` is the stored link before
    /// the entry; the first entry of a chain has none.
    pub fn of(keys: &[&AuditKeys], before: Option<Link>, stored: &StoredLink) -> Self {
        let before: Vec<Link> = match before {
            None if stored.sequence == 1 => {
                keys.iter().map(|keys| Link::genesis(keys, stored.chain)).collect()
            }
            before => before.into_iter().collect(),
        };
        let content = content(stored);
        let is_sealed = sealing_key(keys, &before, stored, &content).is_some();
        let computed = keys.last().zip(before.last()).map(|(keys, before)| {
            Link::next(keys, stored.chain, stored.sequence, before, &content)
        });
        let verdict = if is_sealed && is_consistent(stored) {
            EntryVerdict::Intact
        } else if before.is_empty() && is_consistent(stored) {
            EntryVerdict::Unknown
        } else {
            EntryVerdict::Changed
        };
        Self {
            content: Fingerprint::from_bytes(content),
            computed: if is_sealed { Some(stored.link) } else { computed },
            verdict,
        }
    }
}

fn is_consistent(stored: &StoredLink) -> bool {
    match &stored.content {
        StoredContent::Event(_) => true,
        StoredContent::Block(block) => block.is_consistent(stored.chain),
    }
}
