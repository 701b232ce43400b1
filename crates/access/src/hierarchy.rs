//! Role hierarchy: a senior role inherits from its juniors, never the reverse.

use std::collections::HashMap;

/// The direct juniors of each role, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy(pub(crate) Vec<Vec<u16>>);

impl Hierarchy {
    pub(crate) fn juniors(&self, role: u16) -> &[u16] {
        self.0.get(usize::from(role)).map_or(&[], Vec::as_slice)
    }

    /// The role and all roles from which it inherits, each once, nearest first.
    pub(crate) fn reach(&self, role: u16) -> Vec<u16> {
        let mut walk = Walk::over(self);
        walk.from(role).to_vec()
    }

    /// The shortest path from `senior` down to `junior`, both included.
    pub(crate) fn path(&self, senior: u16, junior: u16) -> Option<Vec<u16>> {
        let mut met = vec![senior];
        let mut seniors = HashMap::from([(senior, senior)]);
        let mut next = 0;
        while let Some(&role) = met.get(next) {
            next += 1;
            for &below in self.juniors(role) {
                seniors.entry(below).or_insert_with(|| {
                    met.push(below);
                    role
                });
            }
        }
        let mut path = vec![junior];
        let mut role = junior;
        while role != senior {
            role = *seniors.get(&role)?;
            path.push(role);
        }
        path.reverse();
        Some(path)
    }

    /// Finds cycles of inheritance. Each starts and ends with the same role.
    ///
    /// Of cycles that share a role only one is found. The result is empty exactly when there is no
    /// cycle.
    pub(crate) fn rings(&self) -> Vec<Vec<u16>> {
        let stuck = self.stuck();
        let is_stuck = |role: u16| stuck.get(usize::from(role)).copied().unwrap_or(false);
        let mut rings = Vec::new();
        let mut seen = HashMap::new();
        for start in self.ids().filter(|&role| is_stuck(role)) {
            let mut chain: Vec<u16> = Vec::new();
            let mut role = start;
            // A role on a cycle has a junior on a cycle, so the search ends only at a visited role.
            while seen.insert(role, start).is_none() {
                chain.push(role);
                let Some(&below) = self.juniors(role).iter().find(|&&below| is_stuck(below)) else {
                    break;
                };
                role = below;
            }
            if let Some(from) = chain.iter().position(|&met| met == role) {
                rings.push(chain.iter().skip(from).copied().chain([role]).collect());
            }
        }
        rings
    }

    /// Returns the roles that are on a cycle or senior to one: the roles that remain after repeated
    /// removal of roles without a remaining junior.
    fn stuck(&self) -> Vec<bool> {
        let mut seniors = vec![Vec::new(); self.0.len()];
        for (senior, juniors) in self.ids().zip(&self.0) {
            for &junior in juniors {
                if let Some(seniors) = seniors.get_mut(usize::from(junior)) {
                    seniors.push(senior);
                }
            }
        }
        let mut waiting: Vec<usize> = self.0.iter().map(Vec::len).collect();
        let mut free: Vec<u16> = self.ids().filter(|&role| self.juniors(role).is_empty()).collect();
        while let Some(role) = free.pop() {
            for &senior in seniors.get(usize::from(role)).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(usize::from(senior)) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(senior);
                    }
                }
            }
        }
        waiting.into_iter().map(|count| count > 0).collect()
    }

    pub(crate) fn ids(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let links: usize = self.0.iter().map(Vec::capacity).sum();
        self.0.capacity() * size_of::<Vec<u16>>() + links * size_of::<u16>()
    }
}

/// Traverses the juniors of several roles without clearing its memory in between.
pub(crate) struct Walk<'h> {
    hierarchy: &'h Hierarchy,
    met: Vec<u16>,
    /// The last round in which each role was visited.
    rounds: Vec<u32>,
    round: u32,
}

impl<'h> Walk<'h> {
    pub(crate) fn over(hierarchy: &'h Hierarchy) -> Self {
        Self { hierarchy, met: Vec::new(), rounds: vec![0; hierarchy.0.len()], round: 0 }
    }

    /// The role and all roles from which it inherits, each once, nearest first.
    pub(crate) fn from(&mut self, role: u16) -> &[u16] {
        self.round += 1;
        self.met.clear();
        self.meet(role);
        let mut next = 0;
        while let Some(&role) = self.met.get(next) {
            next += 1;
            for &junior in self.hierarchy.juniors(role) {
                self.meet(junior);
            }
        }
        &self.met
    }

    fn meet(&mut self, role: u16) {
        let met_in = self.rounds.get_mut(usize::from(role));
        if met_in.is_some_and(|round| std::mem::replace(round, self.round) != self.round) {
            self.met.push(role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hierarchy(juniors: &[&[u16]]) -> Hierarchy {
        Hierarchy(juniors.iter().map(|juniors| juniors.to_vec()).collect())
    }

    #[test]
    fn the_nearest_roles_come_first_and_each_comes_once() {
        let diamond = hierarchy(&[&[1, 2], &[3], &[3, 4], &[], &[]]);
        assert_eq!(diamond.reach(0), [0, 1, 2, 3, 4]);
        assert_eq!(diamond.reach(2), [2, 3, 4]);
        assert_eq!(diamond.reach(4), [4]);
    }

    #[test]
    fn a_path_is_the_shortest_and_never_leads_up() {
        let shortcut = hierarchy(&[&[1, 3], &[2], &[3], &[]]);
        assert_eq!(shortcut.path(0, 3), Some(vec![0, 3]));
        assert_eq!(shortcut.path(0, 2), Some(vec![0, 1, 2]));
        assert_eq!(shortcut.path(2, 2), Some(vec![2]));
        assert_eq!(shortcut.path(3, 0), None);
    }

    #[test]
    fn each_separate_ring_is_found_once_and_no_other() {
        let rings = hierarchy(&[&[1], &[2], &[1], &[4], &[], &[5], &[7], &[8], &[6, 3]]);
        assert_eq!(rings.rings(), [vec![1, 2, 1], vec![5, 5], vec![6, 7, 8, 6]]);
        assert!(hierarchy(&[&[1, 2], &[3], &[3], &[]]).rings().is_empty());
    }
}
