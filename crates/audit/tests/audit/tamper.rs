//! Changes that an intruder with access to the database can make.

use portcullis_audit::{AuditKeys, Link, StoredContent};

use crate::sample::{SampleLog, blocks, chain, event, sealed};

pub(crate) type Tampering = fn(&mut SampleLog);

impl SampleLog {
    /// Moves event 5 of chain 1 to the end of another chain.
    pub(crate) fn event_to(&mut self, id: i64, sequence: u64) {
        let index = self.index(chain(1), 5);
        (self.links[index].chain, self.links[index].sequence) = (chain(id), sequence);
    }
}

pub(crate) fn other() -> AuditKeys {
    AuditKeys::new([9; 32], [9; 32])
}

pub(crate) fn relink(trail: &mut SampleLog, id: i64, sequence: u64) {
    let index = trail.index(chain(id), sequence);
    trail.links[index].link = Link::from_bytes([7; 32]);
}

pub(crate) fn close_gap(trail: &mut SampleLog, id: i64, from: u64, to: u64) {
    trail.remove(id, from, to);
    let by = i64::try_from(from).unwrap() - i64::try_from(to).unwrap() - 1;
    trail.renumber(id, to + 1, by);
    follow(trail, id);
}

pub(crate) fn insert(trail: &mut SampleLog, id: i64, at: u64) {
    trail.renumber(id, at, 1);
    let mut forged = trail.links[trail.index(chain(id), at - 1)].clone();
    (forged.sequence, forged.content) = (at, StoredContent::Event(event(999)));
    trail.links.push(forged);
    follow(trail, id);
}

pub(crate) fn append(trail: &mut SampleLog, with_head: bool) {
    let mut forged = trail.links[trail.index(chain(1), 30)].clone();
    (forged.sequence, forged.content) = (31, StoredContent::Event(event(999)));
    trail.links.push(forged);
    if with_head {
        follow(trail, 1);
    }
}

pub(crate) fn swap(trail: &mut SampleLog, id: i64, left: u64, right: u64) {
    let (at, other) = (trail.index(chain(id), left), trail.index(chain(id), right));
    (trail.links[at].sequence, trail.links[other].sequence) = (right, left);
    follow(trail, id);
}

pub(crate) fn duplicate(trail: &mut SampleLog, id: i64, sequence: u64) {
    let index = trail.index(chain(id), sequence);
    trail.links.insert(index, trail.links[index].clone());
}

pub(crate) fn cut(trail: &mut SampleLog, id: i64, last: u64) {
    trail.remove(id, last + 1, 100);
    follow(trail, id);
}

/// Makes the head of a chain agree with its last entry, as a careful intruder does.
pub(crate) fn follow(trail: &mut SampleLog, id: i64) {
    let of_chain = trail.links.iter().filter(|it| it.chain == chain(id));
    let last = of_chain.max_by_key(|it| it.sequence).unwrap();
    let head = trail.heads.iter_mut().find(|head| head.chain == chain(id)).unwrap();
    (head.sequence, head.link) = (last.sequence, last.link);
    head.entries = match &last.content {
        StoredContent::Event(_) => last.sequence,
        StoredContent::Block(block) => block.first_ordinal + u64::from(block.count) - 1,
    };
}

/// Rewrites everything but the checkpoints, without event 5 of each chain.
pub(crate) fn rebuild(trail: &mut SampleLog, keys: &AuditKeys) {
    let mut links = Vec::new();
    for (id, base) in [(0, 0), (1, 1_000)] {
        let records = (1..=30).map(|n| event(base + n + u128::from(n > 4)));
        let id = chain(id);
        links.extend(sealed(keys, id, records.map(StoredContent::Event)));
    }
    for id in [0x20, 0x30] {
        links.extend(sealed(keys, chain(id), blocks(keys, chain(id)).map(StoredContent::Block)));
    }
    trail.links = links;
    for id in [0, 1, 0x20, 0x30] {
        follow(trail, id);
    }
}

/// Everything as it was at the first checkpoint.
pub(crate) fn restore(trail: &mut SampleLog) {
    trail.heads = trail.heads_at(10, 2);
    trail.links.retain(|it| match it.content {
        StoredContent::Event(_) => it.sequence <= 10,
        StoredContent::Block(_) => it.sequence <= 2,
    });
    trail.checkpoints.truncate(1);
}

pub(crate) fn forget(trail: &mut SampleLog, id: i64) {
    trail.remove(id, 1, 100);
    trail.heads.retain(|head| head.chain != chain(id));
}

pub(crate) fn make_up(trail: &mut SampleLog) {
    let forged = std::iter::once(StoredContent::Event(event(999)));
    trail.links.extend(sealed(&other(), chain(2), forged));
}

pub(crate) fn edit(trail: &mut SampleLog, index: usize, from: &str, to: &str) {
    let file = &mut trail.checkpoints[index].file;
    assert!(file.contains(from));
    *file = file.replacen(from, to, 1);
}

pub(crate) fn flip(trail: &mut SampleLog, id: i64, sequence: u64, at: usize) {
    trail.block(id, sequence).payload[at] ^= 0x10;
}
