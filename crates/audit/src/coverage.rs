//! `Coverage`: the heads of all chains at one moment, and their digest.

use std::collections::BTreeMap;

use crate::{ChainId, Fingerprint, Head};

/// The heads of all chains at one moment, ended chains included.
///
/// A checkpoint signs the digest of it, and so proves each chain, listed or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<ChainId, Head>);

impl Coverage {
    /// Returns all heads, in the order of the chains.
    pub fn heads(&self) -> impl ExactSizeIterator<Item = &Head> {
        self.0.values()
    }

    /// Returns the number of chains.
    pub fn chains(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Returns the SHA-256 digest over a label and chain, sequence, entries and link of each head,
    /// in the order of the chains; numbers are 8 bytes, big-endian.
    pub fn digest(&self) -> Fingerprint {
        let mut bytes = LABEL.to_vec();
        for Head { chain, sequence, entries, link } in self.0.values() {
            for number in [chain.as_u64(), *sequence, *entries] {
                bytes.extend(number.to_be_bytes());
            }
            bytes.extend(link.as_bytes());
        }
        Fingerprint::of(&bytes)
    }

    /// Advances to the current heads. No chain goes back: a chain that is gone, that has a lower
    /// sequence, or that has another link at the same sequence stays unchanged.
    pub fn advance(&mut self, now: impl IntoIterator<Item = Head>) -> Advance {
        let mut unseen = self.0.clone();
        let mut advance = Advance::default();
        for head in now {
            match unseen.remove(&head.chain) {
                Some(before) if before == head => {}
                Some(before) if before.sequence >= head.sequence => advance.cut.push(head.chain),
                _ => {
                    self.0.insert(head.chain, head);
                    advance.moved.push(head);
                }
            }
        }
        advance.cut.extend(unseen.into_keys());
        advance
    }

    /// Replaces the heads of these chains.
    pub(crate) fn replace(&mut self, heads: &[Head]) {
        self.0.extend(heads.iter().map(|head| (head.chain, *head)));
    }

    /// Adds the heads of chains that have none yet.
    pub(crate) fn complete(&mut self, heads: &[Head]) {
        for head in heads {
            self.0.entry(head.chain).or_insert(*head);
        }
    }
}

impl FromIterator<Head> for Coverage {
    fn from_iter<I: IntoIterator<Item = Head>>(heads: I) -> Self {
        Self(heads.into_iter().map(|head| (head.chain, head)).collect())
    }
}

/// The changes of the chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// The new heads of the chains that moved on.
    pub moved: Vec<Head>,
    /// The chains that went back or are gone: entries were cut off.
    pub cut: Vec<ChainId>,
}

const LABEL: &[u8] = b"portcullis/audit/coverage/v2\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

    fn head(chain: i64, sequence: u64, link: u8) -> Head {
        let chain = ChainId::from_i64(chain).unwrap();
        Head { chain, sequence, entries: sequence, link: Link::from_bytes([link; 32]) }
    }

    #[test]
    fn no_chain_goes_back() {
        let mut coverage: Coverage =
            [head(0, 5, 1), head(1, 5, 1), head(40, 3, 1)].into_iter().collect();
        let before = coverage.digest();
        let advance = coverage.advance([head(0, 5, 1), head(1, 4, 2)]);
        let chains: Vec<_> = advance.cut.iter().map(|chain| chain.as_i64()).collect();
        assert_eq!((advance.moved, chains), (vec![], vec![1, 40]));
        assert_eq!(coverage.digest(), before);
        let advance =
            coverage.advance([head(0, 5, 2), head(1, 6, 2), head(40, 3, 1), head(41, 1, 1)]);
        assert_eq!(advance.moved, [head(1, 6, 2), head(41, 1, 1)]);
        assert_eq!(advance.cut, [ChainId::from_i64(0).unwrap()]);
        let expected = [head(0, 5, 1), head(1, 6, 2), head(40, 3, 1), head(41, 1, 1)];
        assert_eq!(coverage, expected.into_iter().collect());
    }

    #[test]
    fn the_digest_depends_on_every_part_of_every_head() {
        let digest =
            |heads: &[Head]| heads.iter().copied().collect::<Coverage>().digest().to_string();
        let mut entries = head(0, 5, 1);
        entries.entries = 6;
        let digests = [
            digest(&[]),
            digest(&[head(0, 5, 1)]),
            digest(&[head(1, 5, 1)]),
            digest(&[head(0, 6, 1)]),
            digest(&[entries]),
            digest(&[head(0, 5, 2)]),
            digest(&[head(0, 5, 1), head(1, 5, 1)]),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}
