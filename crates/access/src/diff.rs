//! Difference in meaning between two matrices: changed rights by role.
//!
//! The meaning is compared, not the text. Moving a grant from a role to its junior changes nothing
//! for the senior, and removing a grant that another covers changes nothing at all.

use std::collections::HashSet;

use serde::Serialize;

use crate::access::Access;
use crate::matrix::Matrix;
use crate::vocabulary::Vocabulary;

/// The maximum number of changed cells that one comparison lists; the rest is counted.
const MAX_CELLS: usize = 10_000;

/// The difference in meaning between two matrices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MatrixDiff {
    /// Added and removed roles.
    pub roles: WordChanges,
    /// Added and removed resources.
    pub resources: WordChanges,
    /// Added and removed actions.
    pub actions: WordChanges,
    /// The role of self-registered accounts before and after, if it changes.
    pub self_registration_role: Option<(Option<String>, Option<String>)>,
    /// Added and removed direct links of inheritance.
    pub hierarchy: Vec<HierarchyChange>,
    /// The changed cells of the effective table; the first 10,000.
    pub cells: Vec<CellChange>,
    /// The number of changed cells that `cells` leaves out.
    pub cells_left_out: usize,
}

/// Added and removed words of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WordChanges {
    /// Words that are only in the candidate, in its order.
    pub added: Vec<String>,
    /// Words that are only in the running matrix, in its order.
    pub removed: Vec<String>,
}

/// An added or removed link of inheritance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HierarchyChange {
    /// The role that inherits.
    pub senior: String,
    /// The role from which it inherits.
    pub junior: String,
    /// True if the candidate adds the link, false if it removes the link.
    pub added: bool,
}

/// A changed cell of the effective table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellChange {
    /// The role, including its inherited grants.
    pub role: String,
    /// The resource.
    pub resource: String,
    /// The action.
    pub action: String,
    /// The kind of change.
    pub change: Change,
    /// As [`Matrix::access`] describes it.
    pub before: String,
    /// As [`Matrix::access`] describes it.
    pub after: String,
}

/// The kind of change of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing before, something after.
    Gained,
    /// Something before, nothing after.
    Lost,
    /// Other conditions.
    ConditionsChanged,
}

impl Matrix {
    /// Compares this matrix with `candidate`.
    ///
    /// An added role gains all its rights; a removed one loses them.
    pub fn diff(&self, candidate: &Self) -> MatrixDiff {
        let (before, after) = (self.resolved(), candidate.resolved());
        let [registered, registers] = [self, candidate].map(Self::self_registration_role);
        let mut diff = MatrixDiff {
            roles: WordChanges::between(&before.roles, &after.roles),
            resources: WordChanges::between(&before.resources, &after.resources),
            actions: WordChanges::between(&before.actions, &after.actions),
            self_registration_role: (registered != registers)
                .then(|| (registered.map(str::to_owned), registers.map(str::to_owned))),
            hierarchy: hierarchy_changes(self, candidate),
            cells: Vec::new(),
            cells_left_out: 0,
        };
        let resources = union(&before.resources, &after.resources);
        let actions = union(&before.actions, &after.actions);
        for role in union(&before.roles, &after.roles) {
            for &resource in &resources {
                for &action in &actions {
                    let cell = Cell { role, resource, action };
                    if let Some(change) = cell.compare(self, candidate) {
                        diff.keep(change);
                    }
                }
            }
        }
        diff
    }
}

impl MatrixDiff {
    /// Returns whether both matrices have the same meaning.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn keep(&mut self, change: CellChange) {
        if self.cells.len() < MAX_CELLS {
            self.cells.push(change);
        } else {
            self.cells_left_out += 1;
        }
    }
}

impl WordChanges {
    fn between(before: &Vocabulary, after: &Vocabulary) -> Self {
        Self { added: missing(after, before), removed: missing(before, after) }
    }
}

/// Returns the words that are only in `one`.
fn missing(one: &Vocabulary, other: &Vocabulary) -> Vec<String> {
    one.words().filter(|word| other.id(word).is_none()).map(str::to_owned).collect()
}

fn union<'a>(before: &'a Vocabulary, after: &'a Vocabulary) -> Vec<&'a str> {
    let added = after.words().filter(|word| before.id(word).is_none());
    before.words().chain(added).collect()
}

fn hierarchy_changes(before: &Matrix, after: &Matrix) -> Vec<HierarchyChange> {
    let (old, new) = (steps(before), steps(after));
    let only = |these: &[(&str, &str)], others: &[(&str, &str)], added| {
        let others: HashSet<_> = others.iter().copied().collect();
        let change = |&(senior, junior): &(&str, &str)| HierarchyChange {
            senior: senior.to_owned(),
            junior: junior.to_owned(),
            added,
        };
        these.iter().filter(|step| !others.contains(*step)).map(change).collect::<Vec<_>>()
    };
    let mut changes = only(&new, &old, true);
    changes.extend(only(&old, &new, false));
    changes
}

fn steps(matrix: &Matrix) -> Vec<(&str, &str)> {
    let juniors = |senior| matrix.role(senior).into_iter().flat_map(|role| matrix.juniors(role));
    matrix.roles().flat_map(|senior| juniors(senior).map(move |junior| (senior, junior))).collect()
}

struct Cell<'a> {
    role: &'a str,
    resource: &'a str,
    action: &'a str,
}

impl Cell<'_> {
    fn compare(&self, before: &Matrix, after: &Matrix) -> Option<CellChange> {
        let (before, after) = (self.of(before), self.of(after));
        if before == after {
            return None;
        }
        Some(CellChange {
            role: self.role.to_owned(),
            resource: self.resource.to_owned(),
            action: self.action.to_owned(),
            change: match (before.is_never(), after.is_never()) {
                (true, _) => Change::Gained,
                (_, true) => Change::Lost,
                _ => Change::ConditionsChanged,
            },
            before: before.to_string(),
            after: after.to_string(),
        })
    }

    /// The content of the cell without its origin, in canonical order.
    fn of<'m>(&self, matrix: &'m Matrix) -> Access<'m> {
        let ids =
            (matrix.role(self.role), matrix.resource(self.resource), matrix.action(self.action));
        match ids {
            (Some(role), Some(resource), Some(action)) => {
                matrix.access(role, resource, action).without_origin()
            }
            _ => Access::default(),
        }
    }
}
