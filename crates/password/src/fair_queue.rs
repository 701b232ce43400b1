//! A bounded fair queue: round robin between client addresses.
//!
//! Each key (a client address) has its own lane, first in, first out, and the lanes take turns.
//! When the queue is full, the newest item of the longest lane is removed, as long as that makes
//! the shares more even. Otherwise the new item is refused, so that waiting items of keys with
//! equal shares never displace each other.

use std::collections::VecDeque;

/// The waiting items, at most `capacity`.
pub(crate) struct FairQueue<K, T> {
    capacity: usize,
    /// In the order of the next turns; no lane is empty.
    lanes: VecDeque<Lane<K, T>>,
    tickets: u64,
}

/// The id of one item in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The result of adding an item to a queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushResult<T> {
    /// The item waits. If the queue was full, the second field is the removed item.
    Waits(Ticket, Option<T>),
    /// The queue has no room for the item.
    Refused(T),
}

struct Lane<K, T> {
    key: K,
    items: VecDeque<(Ticket, T)>,
}

impl<K: Eq, T> FairQueue<K, T> {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { capacity, lanes: VecDeque::new(), tickets: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.items.len()).sum()
    }

    /// Adds an item behind the others of its key, if there is room or room can be made.
    pub(crate) fn push(&mut self, key: K, item: T) -> PushResult<T> {
        let mut displaced = None;
        if self.len() >= self.capacity {
            displaced = self.displace_for(&key);
            if displaced.is_none() {
                return PushResult::Refused(item);
            }
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        match self.lanes.iter_mut().find(|lane| lane.key == key) {
            Some(lane) => lane.items.push_back((ticket, item)),
            None => self.lanes.push_back(Lane { key, items: VecDeque::from([(ticket, item)]) }),
        }
        PushResult::Waits(ticket, displaced)
    }

    /// Removes the oldest item that may run, from the first lane in turn that has one.
    pub(crate) fn pop(&mut self, may_go: impl Fn(&T) -> bool) -> Option<T> {
        let first_in = |lane: &Lane<K, T>| lane.items.iter().position(|(_, item)| may_go(item));
        let (turn, place) = self
            .lanes
            .iter()
            .enumerate()
            .find_map(|(turn, lane)| first_in(lane).map(|place| (turn, place)))?;
        let mut lane = self.lanes.remove(turn)?;
        let (_, item) = lane.items.remove(place)?;
        if !lane.items.is_empty() {
            self.lanes.push_back(lane);
        }
        Some(item)
    }

    /// Removes one item at any position; `None` if it has left the queue.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        for lane in &mut self.lanes {
            if let Some(place) = lane.items.iter().position(|(held, _)| *held == ticket) {
                let removed = lane.items.remove(place);
                self.lanes.retain(|lane| !lane.items.is_empty());
                return removed.map(|(_, item)| item);
            }
        }
        None
    }

    /// Removes the newest item of the longest lane, if replacing it by an item of `key` makes the
    /// shares more even.
    fn displace_for(&mut self, key: &K) -> Option<T> {
        let own =
            self.lanes.iter().find(|lane| lane.key == *key).map_or(0, |lane| lane.items.len());
        let longest = self.lanes.iter_mut().max_by_key(|lane| lane.items.len())?;
        if own + 1 >= longest.items.len() {
            return None;
        }
        longest.items.pop_back().map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests;
