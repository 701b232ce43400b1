//! Tests of the fair queue.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn filled(capacity: usize, items: &[(char, u32)]) -> FairQueue<char, u32> {
    let mut queue = FairQueue::new(capacity);
    for (key, item) in items {
        assert!(matches!(queue.push(*key, *item), PushResult::Waits(_, None)));
    }
    queue
}

fn drained(mut queue: FairQueue<char, u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop(|_| true)).collect()
}

#[test]
fn one_key_is_served_in_order_of_arrival() {
    assert_eq!(drained(filled(3, &[('a', 1), ('a', 2), ('a', 3)])), [1, 2, 3]);
}

#[test]
fn keys_take_turns() {
    let items = [('a', 1), ('a', 2), ('a', 3), ('b', 4), ('b', 5), ('c', 6)];
    assert_eq!(drained(filled(6, &items)), [1, 4, 6, 2, 5, 3]);
}

#[test]
fn a_newcomer_takes_the_place_of_the_newest_item_of_the_longest_lane() {
    let mut queue = filled(4, &[('a', 1), ('a', 2), ('a', 3), ('b', 4)]);
    assert!(matches!(queue.push('c', 5), PushResult::Waits(_, Some(3))));
    assert_eq!(drained(queue), [1, 4, 5, 2]);
}

#[test]
fn whoever_holds_most_places_is_refused_more() {
    let mut queue = filled(3, &[('a', 1), ('a', 2), ('b', 3)]);
    assert_eq!(queue.push('a', 4), PushResult::Refused(4));
    assert_eq!(drained(queue), [1, 3, 2]);
}

#[test]
fn modest_keys_do_not_push_each_other_out() {
    let mut queue = filled(3, &[('a', 1), ('b', 2), ('c', 3)]);
    assert_eq!(queue.push('d', 4), PushResult::Refused(4));
    assert_eq!(queue.push('a', 5), PushResult::Refused(5));
    assert_eq!(drained(queue), [1, 2, 3]);
}

#[test]
fn an_item_can_leave_the_queue_once() {
    let mut queue = filled(3, &[('a', 1)]);
    let PushResult::Waits(ticket, None) = queue.push('b', 2) else { panic!("refused") };
    assert_eq!(queue.remove(ticket), Some(2));
    assert_eq!(queue.remove(ticket), None);
    assert_eq!(queue.len(), 1);
    assert_eq!(drained(queue), [1]);
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Pop,
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..4).prop_map(Step::Push),
        2 => Just(Step::Pop),
        1 => (0_usize..64).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..200)
}

/// The waiting items in order of arrival: (key, item).
type Waiting = Vec<(u8, usize)>;

fn shares(waiting: &Waiting) -> BTreeMap<u8, usize> {
    waiting.iter().fold(BTreeMap::new(), |mut shares, (key, _)| {
        *shares.entry(*key).or_default() += 1;
        shares
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_over_capacity(steps in steps(), capacity in 1_usize..12) {
        let mut queue = FairQueue::new(capacity);
        let mut waiting = Waiting::new();
        let mut tickets = Vec::new();
        for (item, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(key) => {
                    let before = shares(&waiting);
                    let longest = before.values().copied().max().unwrap_or(0);
                    let own = before.get(&key).copied().unwrap_or(0);
                    match queue.push(key, item) {
                        PushResult::Waits(ticket, displaced) => {
                            prop_assert_eq!(displaced.is_some(), waiting.len() == capacity);
                            if let Some(displaced) = displaced {
                                let place = waiting.iter().position(|(_, held)| *held == displaced);
                                let (loser, _) = waiting.remove(place.unwrap());
                                prop_assert_eq!(before[&loser], longest);
                                prop_assert!(own + 1 < longest);
                                let newer = waiting.iter().any(|(k, i)| *k == loser && *i > displaced);
                                prop_assert!(!newer, "a newer item of the same key was kept");
                            }
                            waiting.push((key, item));
                            tickets.push((ticket, item));
                        }
                        PushResult::Refused(refused) => {
                            prop_assert_eq!(refused, item);
                            prop_assert_eq!(waiting.len(), capacity);
                            prop_assert!(own + 1 >= longest);
                        }
                    }
                }
                Step::Pop => {
                    let popped = queue.pop(|_| true);
                    prop_assert_eq!(popped.is_none(), waiting.is_empty());
                    if let Some(popped) = popped {
                        let place = waiting.iter().position(|(_, held)| *held == popped).unwrap();
                        let (key, _) = waiting.remove(place);
                        let older = waiting.iter().any(|(k, i)| *k == key && *i < popped);
                        prop_assert!(!older, "an older item of the same key was passed over");
                    }
                }
                Step::Remove(place) => {
                    if let Some((ticket, item)) = tickets.get(place).copied() {
                        let held = waiting.iter().position(|(_, held)| *held == item);
                        prop_assert_eq!(queue.remove(ticket), held.map(|_| item));
                        if let Some(held) = held {
                            waiting.remove(held);
                        }
                    }
                }
            }
            prop_assert_eq!(queue.len(), waiting.len());
            prop_assert!(queue.len() <= capacity);
        }
    }

    #[test]
    fn nobody_is_served_twice_while_somebody_else_waits(keys in prop::collection::vec(0_u8..5, 1..60)) {
        let mut queue = FairQueue::new(keys.len());
        for key in &keys {
            queue.push(*key, *key);
        }
        let mut left = keys.iter().fold(BTreeMap::<u8, usize>::new(), |mut left, key| {
            *left.entry(*key).or_default() += 1;
            left
        });
        let mut served_this_round = Vec::new();
        while let Some(key) = queue.pop(|_| true) {
            if served_this_round.contains(&key) {
                let missed: Vec<_> =
                    left.iter().filter(|(k, n)| **n > 0 && !served_this_round.contains(k)).collect();
                prop_assert!(missed.is_empty(), "{key} served before {missed:?}");
                served_this_round.clear();
            }
            served_this_round.push(key);
            left.entry(key).and_modify(|n| *n -= 1);
        }
        prop_assert!(left.values().all(|n| *n == 0));
    }
}

#[test]
fn an_item_that_may_not_go_yet_holds_up_no_other_and_keeps_its_place() {
    let mut queue = FairQueue::new(8);
    for (key, item) in [("a", "slow 1"), ("a", "quick 1"), ("b", "slow 2"), ("c", "quick 2")] {
        assert!(matches!(queue.push(key, item), PushResult::Waits(_, None)));
    }
    let is_quick = |item: &&str| item.starts_with("quick");
    assert_eq!(queue.pop(is_quick), Some("quick 1"));
    assert_eq!(queue.pop(is_quick), Some("quick 2"));
    assert_eq!(queue.pop(is_quick), None);
    assert_eq!(queue.pop(|_| true), Some("slow 2"));
    assert_eq!(queue.pop(|_| true), Some("slow 1"));
}
