//! The access matrix as a picture: for each role and resource a small grid, in which every action has its
//! place, with a mark for what the role may do.

use std::collections::BTreeMap;

use portcullis_access::{CellChange, Change, Matrix, MatrixDiff};

use crate::strings::ENGLISH;

/// The columns of the grid of a cell.
const COLUMNS: usize = 4;

/// The width and height of a place, in units of the picture.
const PLACE: usize = 10;

/// The maximum of places of one picture. A larger matrix is shown in parts.
pub(super) const MAX_PLACES: usize = 20_000;

/// What is shown: nothing chosen means all.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) role: String,
    pub(super) resource: String,
    pub(super) action: String,
}

impl Choice {
    /// True if a picture of this choice has a bounded size.
    pub(super) fn is_bounded(&self, matrix: &Matrix) -> bool {
        let count = |chosen: &str, all: usize| if chosen.is_empty() { all } else { 1 };
        let places = [
            count(&self.role, matrix.roles().len()),
            count(&self.resource, matrix.resources().len()),
            count(&self.action, matrix.actions().len()),
        ];
        places.into_iter().product::<usize>() <= MAX_PLACES
    }

    fn shows(chosen: &str, word: &str) -> bool {
        chosen.is_empty() || chosen == word
    }
}

/// The picture of a matrix, with the changes to another one laid over it.
pub(super) struct Picture {
    /// The resources, which are the columns.
    pub(super) resources: Vec<String>,
    /// The roles with their cells, which are the rows.
    pub(super) rows: Vec<(String, Vec<Cell>)>,
    /// The width and height of a cell, in units of the picture.
    pub(super) size: (usize, usize),
    /// Each action with its place in a cell.
    pub(super) places: Vec<(String, usize, usize)>,
    /// The shown marks as rules, for reading.
    pub(super) rules: Vec<Rule>,
}

/// A cell: what a role may do with a resource.
pub(super) struct Cell {
    pub(super) resource: String,
    pub(super) marks: Vec<Mark>,
}

impl Cell {
    /// The number of actions that the role may do, always or under conditions.
    pub(super) fn count(&self) -> usize {
        self.marks.iter().filter(|mark| mark.change != Some(Change::Lost)).count()
    }
}

/// A mark: one action.
pub(super) struct Mark {
    pub(super) x: usize,
    pub(super) y: usize,
    /// True if a junior role has the grant.
    pub(super) is_inherited: bool,
    /// True if every grant has a condition.
    pub(super) is_conditional: bool,
    pub(super) change: Option<Change>,
    pub(super) title: String,
}

impl Mark {
    /// The classes of its look.
    pub(super) fn class(&self) -> &'static str {
        match (self.change, self.is_inherited) {
            (Some(Change::Gained), _) => "gained",
            (Some(Change::Lost), _) => "lost",
            (Some(Change::ConditionsChanged), _) => "changed",
            (None, true) => "inherited",
            (None, false) => "direct",
        }
    }
}

/// A grant in words.
pub(super) struct Rule {
    pub(super) role: String,
    pub(super) resource: String,
    pub(super) action: String,
    pub(super) when: String,
    pub(super) path: String,
    pub(super) line: String,
}

impl Picture {
    /// The picture of this choice.
    pub(super) fn of(matrix: &Matrix, diff: Option<&MatrixDiff>, choice: &Choice) -> Self {
        let changes: BTreeMap<_, _> =
            diff.into_iter().flat_map(|diff| &diff.cells).map(key).collect();
        let actions: Vec<&str> = matrix.actions().collect();
        let resources = matrix.resources().filter(|word| Choice::shows(&choice.resource, word));
        let resources: Vec<String> = resources.map(str::to_owned).collect();
        let mut rules = Vec::new();
        let rows = matrix.roles().filter(|word| Choice::shows(&choice.role, word)).map(|role| {
            let cells = resources.iter().map(|resource| {
                let marks = actions
                    .iter()
                    .enumerate()
                    .filter(|(_, action)| Choice::shows(&choice.action, action));
                let marks = marks.filter_map(|(place, action)| {
                    let change = changes.get(&(role, &**resource, *action)).copied();
                    let found = granted(matrix, role, resource, action);
                    rules.extend(found.iter().map(|grant| grant.rule(role, resource, action)));
                    mark(place, action, &found, change)
                });
                Cell { resource: resource.clone(), marks: marks.collect() }
            });
            (role.to_owned(), cells.collect())
        });
        let rows = rows.collect();
        let places = actions.iter().enumerate().map(|(place, action)| {
            let (x, y) = at(place);
            ((*action).to_owned(), x, y)
        });
        Self {
            resources,
            rows,
            size: (COLUMNS * PLACE, actions.len().div_ceil(COLUMNS) * PLACE),
            places: places.collect(),
            rules,
        }
    }
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key(cell: &CellChange) -> (Key<'_>, &CellChange) {
    ((&*cell.role, &*cell.resource, &*cell.action), cell)
}

/// The place of the action with this number.
const fn at(place: usize) -> (usize, usize) {
    (place % COLUMNS * PLACE, place / COLUMNS * PLACE)
}

/// A grant, with the roles from the role of the row down to the one that has it.
struct Granted {
    when: String,
    path: Vec<String>,
    line: u32,
}

impl Granted {
    fn rule(&self, role: &str, resource: &str, action: &str) -> Rule {
        Rule {
            role: role.to_owned(),
            resource: resource.to_owned(),
            action: action.to_owned(),
            when: self.when.clone(),
            path: self.path.join(" → "),
            line: self.line.to_string(),
        }
    }
}

fn granted(matrix: &Matrix, role: &str, resource: &str, action: &str) -> Vec<Granted> {
    let ids = (matrix.role(role), matrix.resource(resource), matrix.action(action));
    let (Some(role_id), Some(resource), Some(action)) = ids else { return Vec::new() };
    let access = matrix.access(role_id, resource, action);
    let grants = access.grants.iter().map(|grant| Granted {
        when: if grant.when.is_empty() {
            ENGLISH.always.to_owned()
        } else {
            grant.when.join(" + ")
        },
        path: path(matrix, role, grant.from).unwrap_or_else(|| vec![grant.from.to_owned()]),
        line: grant.line,
    });
    grants.collect()
}

/// The roles from `role` down to `other`. The hierarchy has no cycle.
fn path(matrix: &Matrix, role: &str, other: &str) -> Option<Vec<String>> {
    if role == other {
        return Some(vec![role.to_owned()]);
    }
    let juniors = matrix.juniors(matrix.role(role)?);
    let rest = juniors.filter_map(|junior| path(matrix, junior, other)).min_by_key(Vec::len)?;
    Some([vec![role.to_owned()], rest].concat())
}

fn mark(
    place: usize,
    action: &str,
    grants: &[Granted],
    change: Option<&CellChange>,
) -> Option<Mark> {
    if grants.is_empty() && change.is_none() {
        return None;
    }
    let (x, y) = at(place);
    let always = grants.iter().find(|grant| grant.when == ENGLISH.always);
    let nearest = always.or_else(|| grants.first());
    let title = match (change, nearest) {
        (Some(change), _) => format!("{action}: {} → {}", change.before, change.after),
        (None, Some(grant)) => {
            let line = ENGLISH.line;
            format!("{action}: {} · {} · {line} {}", grant.when, grant.path.join(" → "), grant.line)
        }
        (None, None) => action.to_owned(),
    };
    Some(Mark {
        x,
        y,
        is_inherited: nearest.is_some_and(|grant| grant.path.len() > 1),
        is_conditional: always.is_none() && !grants.is_empty(),
        change: change.map(|change| change.change),
        title,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: &str = r#"
        self_registration_role = "guest"
        resources = ["schedule", "settings"]
        actions = ["read", "update"]
        [roles.admin]
        juniors = ["guest"]
        grants = [{ resources = ["settings"], actions = ["*"] }]
        [roles.guest]
        grants = [
            { resources = ["schedule"], actions = ["read"] },
            { resources = ["schedule"], actions = ["update"], when = ["own"] },
        ]
    "#;

    fn cell<'a>(picture: &'a Picture, role: &str, resource: &str) -> &'a Cell {
        let row = picture.rows.iter().find(|(word, _)| word == role).unwrap();
        row.1.iter().find(|cell| cell.resource == resource).unwrap()
    }

    #[test]
    fn direct_inherited_and_conditional_grants_are_told_apart() {
        let matrix = Matrix::parse(MATRIX).unwrap();
        let picture = Picture::of(&matrix, None, &Choice::default());
        let own = &cell(&picture, "admin", "settings").marks;
        assert_eq!(own.iter().map(Mark::class).collect::<Vec<_>>(), ["direct", "direct"]);
        let below = &cell(&picture, "admin", "schedule").marks;
        assert_eq!(below.iter().map(Mark::class).collect::<Vec<_>>(), ["inherited", "inherited"]);
        assert_eq!(below.iter().map(|mark| mark.is_conditional).collect::<Vec<_>>(), [false, true]);
        assert!(below[1].title.contains("own · admin → guest · line 11"), "{}", below[1].title);
        assert_eq!(cell(&picture, "guest", "settings").count(), 0);
        assert_eq!(picture.rules.len(), 6);
    }

    #[test]
    fn a_choice_leaves_the_rest_out() {
        let matrix = Matrix::parse(MATRIX).unwrap();
        let choice = Choice { role: "guest".into(), action: "update".into(), ..Choice::default() };
        let picture = Picture::of(&matrix, None, &choice);
        assert_eq!(picture.rows.len(), 1);
        assert_eq!(picture.rules.len(), 1);
        assert_eq!(picture.rules[0].when, "own");
    }

    #[test]
    fn a_large_matrix_is_shown_in_parts() {
        const GRANT: &str = r#"grants = [{ resources = ["thing0"], actions = ["act0"] }]"#;
        let words = |count: usize, begin: &str| {
            (0..count).map(|number| format!("\"{begin}{number}\"")).collect::<Vec<_>>().join(", ")
        };
        let roles: Vec<String> =
            (0..40).map(|number| format!("[roles.r{number}]\n{GRANT}\n")).collect();
        let text = format!(
            "self_registration_role = \"r1\"\nresources = [{}]\nactions = [{}]\n{}",
            words(60, "thing"),
            words(10, "act"),
            roles.concat()
        );
        let matrix = Matrix::parse(&text).unwrap();
        assert!(!Choice::default().is_bounded(&matrix));
        assert!(Choice { role: "r1".into(), ..Choice::default() }.is_bounded(&matrix));
    }

    #[test]
    fn a_change_lies_over_the_mark_that_it_changes() {
        let matrix = Matrix::parse(MATRIX).unwrap();
        let candidate =
            MATRIX.replace("actions = [\"read\"] }", "actions = [\"read\"], when = [\"own\"] }");
        let candidate = candidate.replace(
            "resources = [\"settings\"], actions = [\"*\"]",
            "resources = [\"settings\"], actions = [\"read\"]",
        );
        let candidate = Matrix::parse(&candidate).unwrap();
        let diff = matrix.diff(&candidate);
        let picture = Picture::of(&matrix, Some(&diff), &Choice::default());
        let class = |role, resource| {
            cell(&picture, role, resource).marks.iter().map(Mark::class).collect::<Vec<_>>()
        };
        assert_eq!(class("admin", "settings"), ["direct", "lost"]);
        assert_eq!(class("guest", "schedule"), ["changed", "direct"]);
        assert_eq!(cell(&picture, "admin", "settings").count(), 1);
    }
}
