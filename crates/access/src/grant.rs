//! Grants with resolved words.

use crate::word::{MANAGE, MANAGED};

/// A set of actions, one bit each; a matrix has at most 128.
pub(crate) type ActionSet = u128;

/// A set of conditions of the matrix, one bit each.
pub(crate) type ConditionSet = u8;

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) role: u16,
    pub(crate) resources: Resources,
    /// As written; [`WildcardActions`] resolves them.
    pub(crate) actions: Actions,
    pub(crate) conditions: ConditionSet,
    pub(crate) line: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resources {
    Every,
    /// Sorted.
    These(Vec<u16>),
}

impl Resources {
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Every => 0,
            Self::These(resources) => resources.capacity() * size_of::<u16>(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Actions {
    Every,
    These(ActionSet),
}

/// The actions that `*` and `manage` cover: `*` covers all, `manage` also create, read, update and
/// delete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WildcardActions {
    every: ActionSet,
    manage: ActionSet,
    managed: ActionSet,
}

impl WildcardActions {
    /// `id` returns the number of an action among `count`.
    pub(crate) fn new(count: usize, id: impl Fn(&str) -> Option<u16>) -> Self {
        let bit = |word| id(word).map_or(0, action_bit);
        let every = (0..u16::MAX).take(count).fold(0, |set, id| set | action_bit(id));
        let managed = MANAGED.map(bit);
        Self { every, manage: bit(MANAGE), managed: managed.into_iter().fold(0, |a, b| a | b) }
    }

    pub(crate) fn of(&self, actions: Actions) -> ActionSet {
        match actions {
            Actions::Every => self.every,
            Actions::These(set) if set & self.manage != 0 => set | self.managed,
            Actions::These(set) => set,
        }
    }
}

impl Grant {
    /// The number of covered cells, for ordering grants: a grant on every resource is wider than
    /// any list.
    pub(crate) fn width(&self, actions: ActionSet) -> u64 {
        let resources = match &self.resources {
            Resources::Every => u64::from(u32::MAX),
            Resources::These(resources) => u64::try_from(resources.len()).unwrap_or(u64::MAX),
        };
        resources.saturating_mul(actions.count_ones().into())
    }
}

pub(crate) fn action_bit(action: u16) -> ActionSet {
    1_u128.checked_shl(action.into()).unwrap_or(0)
}

/// Iterates over the numbers of the set bits, lowest first.
pub(crate) fn bits(set: ConditionSet) -> impl Iterator<Item = u8> {
    (0..8).filter(move |bit| set >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covering(words: &[&str]) -> WildcardActions {
        WildcardActions::new(words.len(), |word| {
            words.iter().position(|w| *w == word).map(|at| u16::try_from(at).unwrap())
        })
    }

    #[test]
    fn manage_covers_itself_and_the_four_it_stands_for() {
        let covering =
            covering(&["list", "read", "manage", "create", "delete", "update", "approve"]);
        assert_eq!(covering.of(Actions::These(0b000_0100)), 0b011_1110);
        assert_eq!(covering.of(Actions::These(0b100_0001)), 0b100_0001);
        assert_eq!(covering.of(Actions::Every), 0b111_1111);
    }

    #[test]
    fn manage_covers_only_what_the_matrix_knows() {
        assert_eq!(covering(&["manage", "read"]).of(Actions::These(0b01)), 0b11);
        assert_eq!(covering(&["list", "read"]).of(Actions::These(0b01)), 0b01);
    }

    #[test]
    fn all_128_actions_fit() {
        let words: Vec<String> = (0..128).map(|n| format!("a{n}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(covering(&words).of(Actions::Every), u128::MAX);
        assert_eq!(action_bit(127), 1 << 127);
    }
}
