//! Finds cycles among the files of one crate, and the uses to remove.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::Uses;

/// A use that closes a cycle.
pub(crate) struct Cut {
    /// The file that must no longer use the other.
    pub(crate) user: String,
    /// The file that it uses.
    pub(crate) used: String,
    /// The names that it uses.
    pub(crate) names: BTreeSet<String>,
    /// The shortest path back from the used file to the user, both included.
    pub(crate) back: Vec<String>,
}

/// Returns a small set of uses whose removal leaves no cycle; empty if there is no cycle.
///
/// Each removed use is the one that leaves the fewest others on a cycle; among equals, the one with the
/// fewest names.
pub(crate) fn cuts(all: &Uses) -> Vec<Cut> {
    let mut left = all.clone();
    let mut cuts = Vec::new();
    loop {
        left = on_cycles(&left);
        let cost = |edge: &(String, String)| {
            let mut without = left.clone();
            let names = without.remove(edge).map_or(0, |names| names.len());
            (on_cycles(&without).len(), names)
        };
        let Some(edge) = left.keys().min_by_key(|edge| cost(edge)).cloned() else { return cuts };
        let names = left.remove(&edge).unwrap_or_default();
        let (user, target) = edge;
        let back = way(&left, &target, &user).unwrap_or_default();
        cuts.push(Cut { user, used: target, names, back });
    }
}

pub(crate) fn has_cycle(uses: &Uses) -> bool {
    !on_cycles(uses).is_empty()
}

/// The uses that are part of a cycle.
fn on_cycles(uses: &Uses) -> Uses {
    let is_on_cycle = |user: &str, used: &str| way(uses, used, user).is_some();
    let found = uses.iter().filter(|((user, used), _)| is_on_cycle(user, used));
    found.map(|(edge, names)| (edge.clone(), names.clone())).collect()
}

/// The shortest path along uses, both ends included.
fn way(uses: &Uses, from: &str, to: &str) -> Option<Vec<String>> {
    let mut came_from = BTreeMap::from([(from, from)]);
    let mut reached = vec![from];
    while !reached.is_empty() && !came_from.contains_key(to) {
        let mut next = Vec::new();
        for (user, used) in uses.keys() {
            if reached.contains(&user.as_str()) && !came_from.contains_key(used.as_str()) {
                came_from.insert(used, user);
                next.push(used.as_str());
            }
        }
        reached = next;
    }
    let mut way = vec![to.to_owned()];
    let mut at = to;
    while at != from {
        at = came_from.get(at)?;
        way.push(at.to_owned());
    }
    way.reverse();
    Some(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(edges: &[(&str, &str, usize)]) -> Uses {
        let names = |count| (0..count).map(|number| format!("Name{number}")).collect();
        let edge = |&(user, used, count): &(&str, &str, usize)| {
            ((user.to_owned(), used.to_owned()), names(count))
        };
        edges.iter().map(edge).collect()
    }

    #[test]
    fn the_use_with_the_fewest_names_is_cut() {
        let uses = uses(&[("a", "b", 3), ("b", "c", 1), ("c", "a", 2), ("a", "d", 1)]);
        let cuts = cuts(&uses);
        let [cut] = cuts.as_slice() else { panic!("one cycle, {} cuts", cuts.len()) };
        assert_eq!((cut.user.as_str(), cut.used.as_str()), ("b", "c"));
        assert_eq!(cut.back, ["c", "a", "b"]);
    }

    #[test]
    fn one_use_that_ends_several_cycles_is_cut_before_two() {
        let uses =
            uses(&[("a", "b", 5), ("b", "c", 1), ("b", "d", 1), ("c", "a", 1), ("d", "a", 1)]);
        let cuts = cuts(&uses);
        let [cut] = cuts.as_slice() else { panic!("two cycles, {} cuts", cuts.len()) };
        assert_eq!((cut.user.as_str(), cut.used.as_str()), ("a", "b"));
    }

    #[test]
    fn a_crate_without_a_cycle_needs_no_cut() {
        let uses = uses(&[("a", "b", 1), ("a", "c", 1), ("b", "c", 1)]);
        assert!(!has_cycle(&uses) && cuts(&uses).is_empty());
    }
}
