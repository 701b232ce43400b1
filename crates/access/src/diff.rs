//! What changes for whom when one matrix takes the place of another.
//!
//! Meaning is compared, not text: moving a grant from a role to its junior changes nothing for the
//! senior, and dropping one that another covers changes nothing at all.

use std::collections::HashSet;

use serde::Serialize;

use crate::access::Access;
use crate::matrix::Matrix;
use crate::vocabulary::Vocabulary;

/// Changed cells kept of one comparison; the rest is only counted.
const MAX_CELLS: usize = 10_000;

/// The difference in meaning between two matrices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MatrixDiff {
    /// Roles that come and go.
    pub roles: WordChanges,
    /// Resources that come and go.
    pub resources: WordChanges,
    /// Actions that come and go.
    pub actions: WordChanges,
    /// The role a self-registered account gets, before and after, where it changes.
    pub self_registration_role: Option<(Option<String>, Option<String>)>,
    /// Who becomes the direct senior of whom, or ceases to be.
    pub hierarchy: Vec<HierarchyChange>,
    /// What a role may do now that it could not, and the other way round; the first 10,000.
    pub cells: Vec<CellChange>,
    /// How many more changed cells there are than `cells` shows.
    pub cells_left_out: usize,
}

/// Words of one kind that come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WordChanges {
    /// In the candidate only, in its order.
    pub added: Vec<String>,
    /// In the running matrix only, in its order.
    pub removed: Vec<String>,
}

/// A step of inheritance that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HierarchyChange {
    /// The role that inherits.
    pub senior: String,
    /// The role it inherits from.
    pub junior: String,
    /// Whether the candidate has the step; otherwise it has lost it.
    pub added: bool,
}

/// A cell of the effective table that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellChange {
    /// The role, with what it inherits.
    pub role: String,
    /// The resource.
    pub resource: String,
    /// The action.
    pub action: String,
    /// Which way.
    pub change: Change,
    /// As [`Matrix::access`] describes it.
    pub before: String,
    /// As [`Matrix::access`] describes it.
    pub after: String,
}

/// Which way a cell changes.
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
    /// What would change for whom if `candidate` took the place of this matrix.
    ///
    /// An added role gains all it holds, a removed one loses it.
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
    /// Whether both matrices mean the same.
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

/// What is in the one and not in the other.
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

    /// What the cell says, without where it comes from, in an order of its own.
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
