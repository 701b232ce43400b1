//! The entries of one shard: a hash index, and one list per quota in the order of acceptance.
//!
//! The index has a fixed number of buckets, each the head of a chain through the slots. So an
//! insertion never reorganises the index, and the shard needs no memory that its bound leaves out.
//! The hash is keyed with random keys, so no client can choose subjects that meet in one chain.

use std::hash::BuildHasher;

use crate::key::Subject;
use crate::quota::Quota;
use crate::slab::{ALLOCATION_OVERHEAD, Link, PAGE_BYTES, SLOT_BYTES, Slab, Slot, SlotId};
use crate::window::Window;

/// The maximum number of quotas that have entries in one shard at the same time.
const MAX_LISTS: usize = 64;

/// The key of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) list: u8,
    pub(crate) subject: Subject,
    /// The keyed hash of the subject.
    pub(crate) hash: u64,
}

pub(crate) struct Table {
    /// A power of two.
    buckets: Box<[Link]>,
    slots: Slab,
    lists: Vec<List>,
    /// The heap memory of all logs.
    heap_bytes: usize,
}

/// The entries of one quota, oldest acceptance first.
pub(crate) struct List {
    pub(crate) quota: Quota,
    pub(crate) head: Link,
    tail: Link,
    len: usize,
    /// The heap memory of its logs.
    heap_bytes: usize,
}

impl List {
    pub(crate) fn bytes(&self) -> usize {
        self.len * SLOT_BYTES + self.heap_bytes
    }
}

impl Table {
    /// An empty table for a shard with so many bytes, one bucket for each entry that could fit.
    pub(crate) fn new(bytes: usize) -> Self {
        let buckets = usize::MAX.checked_shr((bytes / SLOT_BYTES).leading_zeros() + 1);
        Self {
            buckets: vec![None; buckets.unwrap_or(0) + 1].into_boxed_slice(),
            slots: Slab::new(bytes),
            lists: Vec::with_capacity(MAX_LISTS),
            heap_bytes: 0,
        }
    }

    pub(crate) fn lists(&self) -> &[List] {
        &self.lists
    }

    /// The number of the list of a quota, if the quota has entries.
    pub(crate) fn find_list(&self, quota: &Quota) -> Option<u8> {
        self.number(|list| list.len > 0 && list.quota == *quota)
    }

    /// The number of the list of a quota; creates the list, or reuses an empty one. `None` when
    /// all lists have entries of other quotas.
    pub(crate) fn list(&mut self, quota: &Quota) -> Option<u8> {
        if let Some(number) = self.find_list(quota) {
            return Some(number);
        }
        if self.number(|list| list.len == 0).is_none() && self.lists.len() < MAX_LISTS {
            let list = List { quota: *quota, head: None, tail: None, len: 0, heap_bytes: 0 };
            self.lists.push(list);
        }
        let number = self.number(|list| list.len == 0)?;
        self.list_mut(number)?.quota = *quota;
        Some(number)
    }

    fn number(&self, is_it: impl Fn(&List) -> bool) -> Option<u8> {
        self.lists.iter().position(is_it).and_then(|position| u8::try_from(position).ok())
    }

    fn list_mut(&mut self, number: u8) -> Option<&mut List> {
        self.lists.get_mut(usize::from(number))
    }

    pub(crate) fn find(&self, key: &Key) -> Link {
        let mut link = *self.buckets.get(self.bucket(key.hash, key.list))?;
        while let Some(id) = link {
            let slot = self.slots.get(id)?;
            if slot.subject == key.subject && slot.list == key.list {
                return link;
            }
            link = slot.chained;
        }
        None
    }

    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(id)
    }

    /// Adds an entry at the end of its list. The key must not be in the table.
    pub(crate) fn insert(&mut self, key: &Key, window: Window) -> Link {
        let bucket = self.bucket(key.hash, key.list);
        let chained = self.buckets.get(bucket).copied().flatten();
        let Key { list, subject, .. } = *key;
        let id =
            self.slots.push(Slot { window, list, subject, previous: None, next: None, chained })?;
        *self.buckets.get_mut(bucket)? = Some(id);
        self.link_last(id);
        Some(id)
    }

    /// Moves an entry to the end of its list.
    pub(crate) fn touch(&mut self, id: SlotId) {
        if self.slots.get(id).is_some_and(|slot| slot.next.is_some()) {
            self.unlink(id);
            self.link_last(id);
        }
    }

    /// Changes the window of an entry.
    pub(crate) fn update(&mut self, id: SlotId, change: impl FnOnce(&mut Window)) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let before = slot.window.heap_bytes();
        change(&mut slot.window);
        let (list, after) = (slot.list, slot.window.heap_bytes());
        self.heap_bytes = self.heap_bytes - before + after;
        if let Some(list) = self.list_mut(list) {
            list.heap_bytes = list.heap_bytes - before + after;
        }
    }

    /// Removes an entry. The last slot takes its place, under its id.
    pub(crate) fn remove(&mut self, id: SlotId, hasher: &impl BuildHasher) {
        let Some(slot) = self.slots.get(id) else { return };
        let (list, chained, heap_bytes) = (slot.list, slot.chained, slot.window.heap_bytes());
        let bucket = self.bucket(hasher.hash_one(slot.subject), list);
        self.unlink(id);
        self.redirect_chain(bucket, id, chained);
        self.heap_bytes -= heap_bytes;
        if let Some(list) = self.list_mut(list) {
            list.heap_bytes -= heap_bytes;
        }
        if let Some(last) = self.slots.last().filter(|last| *last != id) {
            self.redirect_all(last, id, hasher);
        }
        self.slots.swap_remove(id);
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the next entry needs a page, and its bytes.
    pub(crate) fn growth(&self) -> usize {
        if self.slots.needs_page() { PAGE_BYTES } else { 0 }
    }

    /// The heap memory.
    pub(crate) fn bytes(&self) -> usize {
        let buckets = self.buckets.len() * size_of::<Link>() + ALLOCATION_OVERHEAD;
        let lists = self.lists.capacity() * size_of::<List>() + ALLOCATION_OVERHEAD;
        buckets + lists + self.slots.bytes() + self.heap_bytes
    }

    /// The quotas of one subject are in different buckets.
    fn bucket(&self, hash: u64, list: u8) -> usize {
        let spread = hash.wrapping_add(u64::from(list).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mask = self.buckets.len() - 1;
        usize::try_from(spread & u64::try_from(mask).unwrap_or(u64::MAX)).unwrap_or(mask)
    }

    fn link_last(&mut self, id: SlotId) {
        let Some(number) = self.slots.get(id).map(|slot| slot.list) else { return };
        let Some(list) = self.list_mut(number) else { return };
        let previous = list.tail.replace(id);
        list.len += 1;
        self.set_next(number, previous, Some(id));
        if let Some(slot) = self.slots.get_mut(id) {
            (slot.previous, slot.next) = (previous, None);
        }
    }

    fn unlink(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get(id) else { return };
        let (number, previous, next) = (slot.list, slot.previous, slot.next);
        self.set_next(number, previous, next);
        self.set_previous(number, next, previous);
        if let Some(list) = self.list_mut(number) {
            list.len -= 1;
        }
    }

    /// Redirects everything that refers to the slot `from` to the slot `to`.
    fn redirect_all(&mut self, from: SlotId, to: SlotId, hasher: &impl BuildHasher) {
        let Some(slot) = self.slots.get(from) else { return };
        let (number, previous, next) = (slot.list, slot.previous, slot.next);
        let bucket = self.bucket(hasher.hash_one(slot.subject), number);
        self.set_next(number, previous, Some(to));
        self.set_previous(number, next, Some(to));
        self.redirect_chain(bucket, from, Some(to));
    }

    fn redirect_chain(&mut self, bucket: usize, from: SlotId, to: Link) {
        let Some(head) = self.buckets.get_mut(bucket) else { return };
        if *head == Some(from) {
            *head = to;
            return;
        }
        let mut link = *head;
        while let Some(slot) = link.and_then(|id| self.slots.get_mut(id)) {
            if slot.chained == Some(from) {
                slot.chained = to;
                return;
            }
            link = slot.chained;
        }
    }

    /// Sets the link to the entry after `previous`, or to the head of the list.
    fn set_next(&mut self, number: u8, previous: Link, to: Link) {
        match previous {
            Some(id) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.next = to;
                }
            }
            None => {
                if let Some(list) = self.list_mut(number) {
                    list.head = to;
                }
            }
        }
    }

    /// Sets the link to the entry before `next`, or to the tail of the list.
    fn set_previous(&mut self, number: u8, next: Link, to: Link) {
        match next {
            Some(id) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.previous = to;
                }
            }
            None => {
                if let Some(list) = self.list_mut(number) {
                    list.tail = to;
                }
            }
        }
    }
}
