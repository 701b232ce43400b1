//! Slots in pages: a dense list that grows and shrinks page by page.
//!
//! A page never moves, so growth copies nothing and needs no memory beyond the new page. Removal
//! fills the gap with the last slot, so the last page is the only one that is partly used, and an
//! empty page is freed at once.

use std::num::NonZeroU32;

use crate::key::Subject;
use crate::window::Window;

/// The slots in one page, which has 4 KiB.
const PAGE: usize = 64;

/// The bytes that are counted for the allocator in addition to each allocation.
pub(crate) const ALLOCATION_OVERHEAD: usize = 16;

/// The bytes of a page.
pub(crate) const PAGE_BYTES: usize = PAGE * size_of::<Slot>() + ALLOCATION_OVERHEAD;

/// The bytes of a slot.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>();

/// An entry: one subject under one quota. It has 64 bytes.
pub(crate) struct Slot {
    pub(crate) window: Window,
    /// The number of the list of its quota.
    pub(crate) list: u8,
    pub(crate) subject: Subject,
    /// The neighbour in the list that was accepted before.
    pub(crate) previous: Link,
    /// The neighbour in the list that was accepted after.
    pub(crate) next: Link,
    /// The next entry of the same bucket.
    pub(crate) chained: Link,
}

/// A reference to a slot, if any.
pub(crate) type Link = Option<SlotId>;

/// The position of a slot, plus one, so that a [`Link`] has four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotId(NonZeroU32);

impl SlotId {
    fn at(position: usize) -> Link {
        NonZeroU32::new(u32::try_from(position + 1).ok()?).map(Self)
    }

    fn position(self) -> usize {
        usize::try_from(self.0.get() - 1).unwrap_or(usize::MAX)
    }
}

pub(crate) struct Slab {
    pages: Vec<Vec<Slot>>,
    len: usize,
}

impl Slab {
    /// Makes room for the pages that fit into so many bytes, so that the list of pages never grows.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { pages: Vec::with_capacity(bytes / PAGE_BYTES), len: 0 }
    }

    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot> {
        let position = id.position();
        self.pages.get(position / PAGE)?.get(position % PAGE)
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        let position = id.position();
        self.pages.get_mut(position / PAGE)?.get_mut(position % PAGE)
    }

    pub(crate) fn push(&mut self, slot: Slot) -> Link {
        let id = SlotId::at(self.len)?;
        if self.needs_page() {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.pages.last_mut()?.push(slot);
        self.len += 1;
        Some(id)
    }

    /// The last slot, which moves to the place of a removed one.
    pub(crate) fn last(&self) -> Link {
        SlotId::at(self.len.checked_sub(1)?)
    }

    /// Removes a slot and moves the last one to its place.
    pub(crate) fn swap_remove(&mut self, id: SlotId) -> Option<Slot> {
        let last = self.pages.last_mut()?.pop()?;
        self.len -= 1;
        let removed = match self.get_mut(id) {
            Some(slot) => std::mem::replace(slot, last),
            None => last,
        };
        if self.pages.last().is_some_and(Vec::is_empty) {
            self.pages.pop();
        }
        Some(removed)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether the next slot needs another page.
    pub(crate) fn needs_page(&self) -> bool {
        self.len == self.pages.len() * PAGE
    }

    pub(crate) fn bytes(&self) -> usize {
        let list = self.pages.capacity() * size_of::<Vec<Slot>>() + ALLOCATION_OVERHEAD;
        list + self.pages.len() * PAGE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_fills_one_cache_line() {
        assert_eq!(size_of::<Window>(), 16);
        assert_eq!(size_of::<Link>(), 4);
        assert_eq!(size_of::<Slot>(), 64);
    }
}
