//! Tests of the differences between two matrices.

use std::collections::BTreeSet;

use portcullis_access::{Change, Matrix, MatrixDiff};

use crate::naive::contexts;
use crate::{DEFAULT, small};

const BEFORE: &str = "\
[roles.senior]
juniors = ['junior']
grants = [{ resources = ['door'], actions = ['approve'], when = ['not_own'] }]
[roles.junior]
grants = [
    { resources = ['door'], actions = ['read'], when = ['own'] },
    { resources = ['door'], actions = ['list'] },
]";

#[test]
fn a_matrix_does_not_differ_from_itself_nor_from_another_spelling() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    assert!(matrix.diff(&matrix.clone()).is_empty());
    let before = parse(BEFORE);
    let moved = BEFORE.replace(
        "actions = ['list'] }",
        "actions = ['list'] },\n{ resources = ['window'], actions = ['approve'], when = ['own'] }",
    );
    assert!(!before.diff(&parse(&moved)).is_empty());
    let repeated = BEFORE.replace(
        "when = ['not_own'] }]",
        "when = ['not_own'] }, { resources = ['door'], actions = ['list'] }]",
    );
    assert!(before.diff(&parse(&repeated)).is_empty());
}

#[test]
fn a_change_for_a_junior_is_one_for_its_seniors_too() {
    let after = BEFORE.replace("actions = ['list']", "actions = ['list', 'create']");
    assert_eq!(
        cells(&parse(BEFORE).diff(&parse(&after))),
        [
            "senior door create: gained, never -> always",
            "junior door create: gained, never -> always"
        ]
    );
}

#[test]
fn a_cell_that_loses_its_last_way_is_lost_and_one_that_keeps_another_has_other_conditions() {
    let either = BEFORE.replace(
        "actions = ['read'], when = ['own'] },",
        "actions = ['read'], when = ['own'] },
         { resources = ['door'], actions = ['read'], when = ['party'] },",
    );
    assert_eq!(
        cells(&parse(&either).diff(&parse(BEFORE))),
        [
            "senior door read: conditions_changed, own or party -> own",
            "junior door read: conditions_changed, own or party -> own",
        ]
    );
    let neither =
        BEFORE.replace("{ resources = ['door'], actions = ['read'], when = ['own'] },", "");
    assert_eq!(
        cells(&parse(BEFORE).diff(&parse(&neither))),
        ["senior door read: lost, own -> never", "junior door read: lost, own -> never"]
    );
}

#[test]
fn conditions_are_compared_by_meaning() {
    let after = BEFORE.replace("when = ['own'] }", "when = ['party', 'own'] }");
    assert_eq!(
        cells(&parse(BEFORE).diff(&parse(&after))),
        [
            "senior door read: conditions_changed, own -> own + party",
            "junior door read: conditions_changed, own -> own + party",
        ]
    );
    let other_order = after.replace("['party', 'own']", "['own', 'party']");
    assert!(parse(&after).diff(&parse(&other_order)).is_empty());
}

#[test]
fn words_links_and_the_self_registration_role_are_compared() {
    let after = "\
self_registration_role = \"senior\"
resources = [\"door\", \"roof\"]
actions = [\"read\", \"list\", \"approve\", \"paint\"]
[roles.senior]
juniors = ['helper']
grants = [{ resources = ['door'], actions = ['approve'], when = ['not_own'] }]
[roles.helper]
grants = [{ resources = ['roof'], actions = ['paint'] }]";
    let diff = parse(BEFORE).diff(&Matrix::parse(after).unwrap());
    assert_eq!((diff.roles.added, diff.roles.removed), (words(&["helper"]), words(&["junior"])));
    assert_eq!(
        (diff.resources.added, diff.resources.removed),
        (words(&["roof"]), words(&["window"]))
    );
    let gone = words(&["create", "update", "delete", "manage"]);
    assert_eq!((diff.actions.added, diff.actions.removed), (words(&["paint"]), gone));
    assert_eq!(
        diff.self_registration_role,
        Some((Some("junior".to_owned()), Some("senior".to_owned())))
    );
    let links: Vec<_> = diff.hierarchy.iter().map(|link| (&*link.junior, link.added)).collect();
    assert_eq!(links, [("helper", true), ("junior", false)]);
    assert!(diff.hierarchy.iter().all(|link| link.senior == "senior"));
    let changed: BTreeSet<_> = diff
        .cells
        .iter()
        .map(|cell| (&*cell.role, cell.change))
        .map(|(role, change)| (role, change == Change::Gained))
        .collect();
    assert_eq!(
        changed,
        [("helper", true), ("junior", false), ("senior", false), ("senior", true)].into()
    );
}

#[test]
fn a_diff_names_exactly_the_cells_that_decide_otherwise() {
    let before = Matrix::parse(DEFAULT).unwrap();
    let text = DEFAULT
        .replace("when = [\"party\", \"not_own\"]", "when = [\"party\"]")
        .replace("[\"conflict\", \"notification\"]", "[\"notification\"]")
        .replace("[\"read\", \"list\", \"export\"]", "[\"read\", \"list\"]");
    let after = Matrix::parse(&text).unwrap();
    let diff = before.diff(&after);
    let named: BTreeSet<_> = diff
        .cells
        .iter()
        .map(|cell| (cell.role.as_str(), cell.resource.as_str(), cell.action.as_str()))
        .collect();
    let mut otherwise = BTreeSet::new();
    for role in before.roles() {
        for resource in before.resources() {
            for action in before.actions() {
                let decides_otherwise = contexts().iter().any(|context| {
                    let decide =
                        |matrix: &Matrix| matrix.decide_words(role, resource, action, context);
                    decide(&before).is_allowed() != decide(&after).is_allowed()
                });
                if decides_otherwise {
                    otherwise.insert((role, resource, action));
                }
            }
        }
    }
    assert_eq!(named, otherwise);
    assert!(named.len() > 5, "{named:?}");
}

#[test]
fn ten_thousand_changed_cells_are_kept_and_the_others_counted() {
    let words: Vec<_> = (0..200).map(|n| format!("w{n}")).collect();
    let head = format!(
        "self_registration_role = 'a'\nresources = {words:?}\nactions = {:?}\n[roles.a]\n",
        &words[..100]
    );
    let one = format!("{head}grants = [{{ resources = ['w0'], actions = ['w0'] }}]");
    let all = format!("{head}grants = [{{ resources = ['*'], actions = ['*'] }}]");
    let diff = Matrix::parse(&one).unwrap().diff(&Matrix::parse(&all).unwrap());
    assert_eq!((diff.cells.len(), diff.cells_left_out), (10_000, 200 * 100 - 1 - 10_000));
}

fn parse(roles: &str) -> Matrix {
    Matrix::parse(&small(roles)).unwrap()
}

fn cells(diff: &MatrixDiff) -> Vec<String> {
    let cell = |cell: &portcullis_access::CellChange| {
        let change = serde_json::to_value(cell.change).unwrap();
        let change = change.as_str().unwrap();
        let portcullis_access::CellChange { role, resource, action, before, after, .. } = cell;
        format!("{role} {resource} {action}: {change}, {before} -> {after}")
    };
    diff.cells.iter().map(cell).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
