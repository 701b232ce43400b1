//! Tests of the default matrix against a reference implementation.

use std::collections::BTreeSet;

use portcullis_access::{DecisionContext, Matrix, Reason};

use crate::DEFAULT;
use crate::naive::{ReferenceMatrix, contexts};

const CSV: &str = include_str!("../access-matrix.csv");

#[test]
fn every_cell_in_every_context_is_as_the_csv_says() {
    let (matrix, naive) = (Matrix::parse(DEFAULT).unwrap(), ReferenceMatrix::from_csv(CSV));
    let mut allowed = 0;
    let mut asked_in_all = 0;
    for (role, resource, action) in cells(&matrix) {
        for context in contexts() {
            let decision = matrix.decide_words(role, resource, action, &context);
            let expected = naive.allows(role, resource, action, &context);
            assert_eq!(decision.is_allowed(), expected, "{role} {resource} {action} {context:?}");
            asked_in_all += 1;
            allowed += u32::from(expected);
        }
    }
    assert_eq!(asked_in_all, 8 * 20 * 11 * 9);
    assert!(allowed > 3_000, "{allowed} allowed: the comparison compares denials only");
}

#[test]
fn every_reason_points_at_a_row_of_the_csv() {
    let (matrix, naive) = (Matrix::parse(DEFAULT).unwrap(), ReferenceMatrix::from_csv(CSV));
    for (role, resource, action) in cells(&matrix) {
        let rows = naive.matching(role, resource, action);
        for context in contexts() {
            let decision = matrix.decide_words(role, resource, action, &context);
            let explanation = matrix.explain(&decision);
            assert_eq!(explanation.allowed, decision.is_allowed());
            let (rules, paths) = match explanation.reason {
                Reason::Granted { rule, path } => (vec![rule], vec![path]),
                Reason::ConditionsUnmet { unmet } => {
                    unmet.into_iter().map(|one| (one.rule, one.path)).unzip()
                }
                Reason::NoGrant => (vec![], vec![]),
                reason => panic!("{role} {resource} {action}: {reason:?}"),
            };
            assert_eq!(rules.is_empty(), rows.is_empty(), "{role} {resource} {action}");
            for (rule, path) in rules.iter().zip(&paths) {
                let is_row = rows.iter().any(|row| {
                    row.role == rule.role
                        && row.resource == rule.resource
                        && sorted(&row.conditions) == sorted(&rule.conditions)
                });
                assert!(is_row, "{rule} is no row of the CSV");
                assert_eq!(path.first(), Some(&role));
                assert_eq!(path.last(), Some(&rule.role));
                for step in path.windows(2) {
                    assert!(naive.juniors[step[0]].iter().any(|junior| junior == step[1]));
                }
            }
        }
    }
}

#[test]
fn the_whole_effective_table() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    insta::assert_snapshot!(matrix.to_markdown());
}

#[test]
fn it_has_the_words_of_the_csv() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let naive = ReferenceMatrix::from_csv(CSV);
    let roles: BTreeSet<_> = matrix.roles().collect();
    assert_eq!(roles, naive.rows.iter().map(|row| row.role.as_str()).collect());
    let listed = |first: &str, last: &str| {
        let from = CSV.find(first).unwrap() + first.len();
        let to = from + CSV[from..].find(last).unwrap();
        CSV[from..to].replace('#', " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(matrix.resources().eq(listed("the 20 resources: ", "# the 11")));
    assert!(matrix.actions().eq(listed("the 11 actions: ", "# manage")));
    for (role, juniors) in &naive.juniors {
        assert!(matrix.juniors(matrix.role(role).unwrap()).eq(juniors));
    }
}

#[test]
fn self_registration_gives_the_role_msa_and_admin_is_the_most_senior() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    assert_eq!(matrix.self_registration_role(), Some("msa"));
    assert_eq!(matrix.most_senior_role(), Some("admin"));
    let admin = matrix.role("admin").unwrap();
    assert!(matrix.roles().all(|role| matrix.includes(admin, matrix.role(role).unwrap())));
    assert!(!matrix.includes(matrix.role("coordinator").unwrap(), admin));
}

#[test]
fn what_it_repeats_is_noted_and_no_fault() {
    let notes = Matrix::parse(DEFAULT).unwrap().notes();
    let messages: Vec<_> = notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(messages, ["clinical_staff holds all of this grant through its juniors"]);
    let line = usize::try_from(notes[0].line).unwrap();
    assert_eq!(DEFAULT.lines().nth(line - 3), Some("[roles.clinical_staff]"));
}

#[test]
fn unknown_words_are_denied_to_everybody() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let context = DecisionContext::by("ann").owned_by("ann");
    for (role, resource, action, reason) in [
        ("root", "schedule", "read", "denied: unknown role"),
        ("admin", "vault", "read", "denied: unknown resource"),
        ("admin", "schedule", "burn", "denied: unknown action"),
        ("", "", "", "denied: unknown role"),
        ("admin", "", "", "denied: unknown resource"),
        ("admin", "*", "read", "denied: unknown resource"),
        ("admin", "schedule", "*", "denied: unknown action"),
        ("*", "schedule", "read", "denied: unknown role"),
        ("Admin", "schedule", "read", "denied: unknown role"),
        ("admin ", "schedule", "read", "denied: unknown role"),
    ] {
        let decision = matrix.decide_words(role, resource, action, &context);
        assert!(!decision.is_allowed(), "{role} {resource} {action}");
        assert_eq!(matrix.explain(&decision).to_string(), reason);
    }
}

fn cells(matrix: &Matrix) -> Vec<(&str, &str, &str)> {
    let mut cells = Vec::new();
    for role in matrix.roles() {
        for resource in matrix.resources() {
            cells.extend(matrix.actions().map(|action| (role, resource, action)));
        }
    }
    cells
}

fn sorted<T: AsRef<str>>(words: &[T]) -> BTreeSet<&str> {
    words.iter().map(AsRef::as_ref).collect()
}
