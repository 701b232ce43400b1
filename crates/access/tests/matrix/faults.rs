//! Tests of the faults of matrix files.

use portcullis_access::{FaultCode, Matrix};

use crate::{DEFAULT, small};

/// The expected faults, by line and code.
type Faults = &'static [(usize, &'static str)];

/// What stands below the three lines of [`small`], with the lines and codes of its faults.
const CASES: &[(&str, Faults)] = &[
    ("", &[(1, "no_role"), (1, "unknown_role")]),
    ("[roles]", &[(1, "unknown_role"), (4, "no_role")]),
    ("roles = 7", &[(1, "unknown_role"), (4, "wrong_type")]),
    ("[roles.junior]", &[(4, "role_without_path")]),
    ("[roles.junior]\ngrants = []", &[(4, "role_without_path")]),
    ("[roles.junior]\ngrants = 1", &[(4, "role_without_path"), (5, "wrong_type")]),
    ("[roles.junior]\ngrants = [1]", &[(4, "role_without_path"), (5, "wrong_type")]),
    ("[roles]\njunior = 1", &[(1, "unknown_role"), (5, "wrong_type")]),
    (
        "[roles.Junior]\n[roles.Junior.x]",
        &[(1, "unknown_role"), (4, "invalid_word"), (4, "role_without_path"), (5, "unknown_key")],
    ),
    ("[roles.junior\n", &[(4, "syntax")]),
    ("[roles.junior]\ngrants = [\n{ resources = [\"door\" }\n]", &[(6, "syntax"), (7, "syntax")]),
    ("[roles.junior]\n[roles.junior]", &[(5, "syntax")]),
];

/// A grant of `junior` in line 6, with the codes of its faults there.
const GRANTS: &[(&str, &[&str])] = &[
    ("{ resources = ['door'], actions = ['read'] }", &[]),
    ("{ resources = ['*'], actions = ['*'], when = ['own', 'party', 'not_own'] }", &[]),
    ("{ resources = ['dor'], actions = ['read'] }", &["unknown_resource"]),
    ("{ resources = ['door'], actions = ['reed'] }", &["unknown_action"]),
    ("{ resources = ['door'], actions = ['read'], when = ['owns'] }", &["unknown_condition"]),
    (
        "{ resources = ['dor', 'wall'], actions = ['reed'], when = ['owns'] }",
        &["unknown_resource", "unknown_resource", "unknown_action", "unknown_condition"],
    ),
    ("{ resources = ['door', 'door'], actions = ['read'] }", &["duplicate_word"]),
    ("{ resources = ['door'], actions = ['read', 'read'] }", &["duplicate_word"]),
    ("{ resources = ['door'], actions = ['read'], when = ['own', 'own'] }", &["duplicate_word"]),
    ("{ resources = ['*', 'door'], actions = ['read'] }", &["mixed_wildcard"]),
    ("{ resources = ['door'], actions = ['read', '*'] }", &["mixed_wildcard"]),
    ("{ resources = [], actions = ['read'] }", &["empty_list"]),
    ("{ resources = ['door'], actions = [] }", &["empty_list"]),
    ("{ resources = ['door'], actions = ['read'], when = [] }", &["empty_list"]),
    ("{ resources = 'door', actions = ['read'] }", &["wrong_type"]),
    ("{ resources = ['door'], actions = 'read' }", &["wrong_type"]),
    ("{ resources = ['door'], actions = ['read'], when = 'own' }", &["wrong_type"]),
    ("{ resources = ['door'], actions = [1] }", &["wrong_type"]),
    ("{ resources = ['door'], actions = ['Read'] }", &["invalid_word"]),
    ("{ resources = ['door'], actions = [\"re\\nad\"] }", &["invalid_word"]),
    ("{ resources = ['door'], actions = ['read'], when = ['*'] }", &["invalid_word"]),
    ("{ actions = ['read'] }", &["missing_key"]),
    ("{ resources = ['door'] }", &["missing_key"]),
    ("{}", &["missing_key", "missing_key"]),
    ("{ resources = ['door'], actions = ['read'], where = ['own'] }", &["unknown_key"]),
    ("[]", &["wrong_type"]),
];

/// Lines 6 and 7 of `junior`, with what is wrong with which of them.
const PAIRS: &[(&str, &str, Faults)] = &[
    ("'door' | 'read' | ", "'door' | 'read' | ", &[(7, "duplicate_grant")]),
    ("'door' | 'read' | 'own'", "'door' | 'read' | 'own'", &[(7, "duplicate_grant")]),
    ("'door', 'window' | 'read' | ", "'window', 'door' | 'read' | ", &[(7, "duplicate_grant")]),
    (
        "'door' | 'read' | 'own', 'party'",
        "'door' | 'read' | 'party', 'own'",
        &[(7, "duplicate_grant")],
    ),
    ("'door' | 'read' | ", "'door' | 'read', 'list' | ", &[(6, "unreachable_grant")]),
    ("'door' | 'read', 'list' | ", "'door' | 'read' | ", &[(7, "unreachable_grant")]),
    ("'door' | 'read' | ", "'door' | 'read' | 'own'", &[(7, "unreachable_grant")]),
    ("'door' | 'read' | 'own', 'party'", "'door' | 'read' | 'own'", &[(6, "unreachable_grant")]),
    ("'door' | 'read' | ", "'*' | 'read' | ", &[(6, "unreachable_grant")]),
    ("'door' | 'read' | ", "'door' | '*' | ", &[(6, "unreachable_grant")]),
    ("'door' | 'delete', 'read' | ", "'door' | 'manage' | ", &[(6, "unreachable_grant")]),
    ("'door', 'window' | 'read' | ", "'door' | 'read' | ", &[(7, "unreachable_grant")]),
    ("'door', 'window' | 'read' | ", "'*' | 'read' | ", &[(6, "unreachable_grant")]),
    ("'door' | 'read' | 'own'", "'door' | 'read' | 'party'", &[]),
    ("'door' | 'read' | 'own'", "'door' | 'read', 'list' | 'party'", &[]),
    ("'door' | 'read', 'list' | ", "'door' | 'read', 'update' | ", &[]),
    ("'door' | 'read' | ", "'window' | 'read' | ", &[]),
    ("'door' | 'list' | ", "'door' | 'manage' | ", &[]),
    ("'door' | 'read' | ", "'*' | 'read' | 'own'", &[]),
];

#[test]
fn every_fault_of_the_shape_has_its_line_and_code() {
    for (text, expected) in CASES {
        assert_eq!(faults(&small(text)), *expected, "{text}");
    }
}

#[test]
fn every_fault_of_a_grant_has_its_line_and_code() {
    for (grant, expected) in GRANTS {
        let text = small(&format!(
            "[roles.junior]\ngrants = [\n{grant},\n{{ resources = ['window'], actions = ['approve'], when = ['not_own'] }}]"
        ));
        let expected: Vec<_> = expected.iter().map(|code| (6, *code)).collect();
        assert_eq!(faults(&text), expected, "{grant}");
    }
}

#[test]
fn a_grant_that_others_of_its_role_cover_is_a_fault() {
    let grant = |text: &str| {
        let [resources, actions, when] =
            [0, 1, 2].map(|at| text.split('|').nth(at).unwrap().trim());
        let when = if when.is_empty() { String::new() } else { format!(", when = [{when}]") };
        format!("{{ resources = [{resources}], actions = [{actions}]{when} }}")
    };
    for (first, second, expected) in PAIRS {
        let (a, b) = (grant(first), grant(second));
        let text = small(&format!("[roles.junior]\ngrants = [\n{a},\n{b},\n]"));
        assert_eq!(faults(&text), *expected, "{a}\n{b}");
    }
}

#[test]
fn several_grants_together_can_cover_one() {
    let text = small(
        "[roles.junior]\ngrants = [\n\
         { resources = ['door', 'window'], actions = ['read', 'list'], when = ['own'] },\n\
         { resources = ['door'], actions = ['*'] },\n\
         { resources = ['*'], actions = ['read'] },\n\
         { resources = ['window'], actions = ['list'] },\n]",
    );
    assert_eq!(faults(&text), [(6, "unreachable_grant")]);
}

#[test]
fn what_a_junior_or_senior_grants_makes_no_grant_unreachable() {
    let read = "grants = [{ resources = ['door'], actions = ['read'] }]";
    let text =
        small(&format!("[roles.senior]\njuniors = ['junior']\n{read}\n[roles.junior]\n{read}"));
    let matrix = Matrix::parse(&text).unwrap();
    let lines: Vec<_> = matrix.notes().iter().map(|note| note.line).collect();
    assert_eq!(lines, [6]);
}

#[test]
fn a_grant_that_a_junior_holds_in_part_or_under_a_condition_is_not_noted() {
    let text = small(
        "[roles.senior]\njuniors = ['junior']\ngrants = [\n\
         { resources = ['door'], actions = ['read', 'list'] },\n\
         { resources = ['window'], actions = ['read'] },\n]\n\
         [roles.junior]\ngrants = [\n\
         { resources = ['door'], actions = ['read'] },\n\
         { resources = ['window'], actions = ['read'], when = ['own'] },\n]",
    );
    assert_eq!(Matrix::parse(&text).unwrap().notes(), []);
}

#[test]
fn cycles_unknown_juniors_and_roles_without_a_grant_are_faults() {
    let own = "grants = [{ resources = ['door'], actions = ['read'] }]";
    for (roles, expected) in [
        (format!("[roles.junior]\njuniors = ['junior']\n{own}"), vec![(4, "cycle")]),
        (
            format!("[roles.junior]\njuniors = ['b']\n{own}\n[roles.b]\njuniors = ['junior']"),
            vec![(4, "cycle")],
        ),
        (format!("[roles.junior]\njuniors = ['x']\n{own}"), vec![(5, "unknown_role")]),
        ("[roles.junior]\njuniors = ['x']".to_owned(), vec![(5, "unknown_role")]),
        (format!("[roles.junior]\n{own}\n[roles.b]"), vec![(6, "role_without_path")]),
        (format!("[roles.junior]\n{own}\n[roles.b]\njuniors = ['junior']"), vec![]),
        (
            format!("[roles.junior]\njuniors = ['b', 'b']\n{own}\n[roles.b]\n{own}"),
            vec![(5, "duplicate_word")],
        ),
        (
            "[roles.junior]\njuniors = ['b']\n[roles.b]\njuniors = ['junior']".to_owned(),
            vec![(4, "cycle"), (4, "role_without_path"), (6, "role_without_path")],
        ),
    ] {
        assert_eq!(faults(&small(&roles)), expected, "{roles}");
    }
}

#[test]
fn keys_of_the_file_itself_are_checked() {
    let role = "[roles.a]\ngrants = [{ resources = ['*'], actions = ['*'] }]";
    for (head, expected) in [
        ("", vec![(1, "missing_key"), (1, "missing_key")]),
        (
            "self_registration_role = ['a']\nresources = ['x']\nactions = ['y']",
            vec![(1, "wrong_type")],
        ),
        (
            "self_registration_role = 'b'\nresources = ['x']\nactions = ['y']",
            vec![(1, "unknown_role")],
        ),
        (
            "self_registration_role = 'A'\nresources = ['x']\nactions = ['y']",
            vec![(1, "invalid_word")],
        ),
        (
            "self_registration_role = 'a'\nresources = []\nactions = []",
            vec![(2, "empty_list"), (3, "empty_list")],
        ),
        (
            "self_registration_role = 'a'\nresources = ['x', 'x']\nactions = ['y', 'y']",
            vec![(2, "duplicate_word"), (3, "duplicate_word")],
        ),
        (
            "self_registration_role = 'a'\nresources = ['*']\nactions = [2]",
            vec![(2, "invalid_word"), (3, "wrong_type")],
        ),
        (
            "self_registration_role = 'a'\nresources = 'x'\nactions = {}\ngrants = []",
            vec![(2, "wrong_type"), (3, "wrong_type"), (4, "unknown_key")],
        ),
    ] {
        assert_eq!(faults(&format!("{head}\n{role}")), expected, "{head}");
    }
}

/// The messages, too: each says what is wrong and what to do about it.
#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = "\
self_registration_role = 'nobody'
resources = ['door', 'door', 'Wall']
actions = ['read', 7]
colour = 'red'
[roles.a]
juniors = ['b', 'ghost']
grants = [
    { resources = ['door'], actions = ['read'] },
    { resources = ['door'], actions = ['read'] },
    { resources = ['dor'], actions = ['reed'], when = ['owns'], where = [] },
    { resources = ['*', 'door'], actions = [] },
    { actions = ['read'], resources = 'door' },
    { resources = ['door'], actions = ['read'], when = ['own'] },
]
[roles.b]
juniors = ['a']
[roles.c]
";
    insta::assert_snapshot!(Matrix::parse(text).unwrap_err());
}

#[test]
fn every_code_is_a_word_of_its_own_and_appears_in_the_message() {
    let faults = Matrix::parse("").unwrap_err();
    assert_eq!(faults.faults()[0].code, FaultCode::MissingKey);
    assert!(faults.to_string().starts_with("line 1: "), "{faults}");
    assert!(faults.to_string().contains("(missing_key)"), "{faults}");
}

#[test]
fn a_hundred_faults_are_kept_and_the_others_counted() {
    let words: Vec<_> = (0..250).map(|n| format!("'unknown{n}'")).collect();
    let grant = format!("{{ resources = [{}], actions = ['read'] }}", words.join(", "));
    let text = small(&format!("[roles.junior]\ngrants = [{grant}]"));
    let faults = Matrix::parse(&text).unwrap_err();
    assert_eq!((faults.faults().len(), faults.left_out()), (100, 150));
    assert!(faults.to_string().ends_with("\nand 150 more"), "{faults}");
}

#[test]
fn what_a_file_says_cannot_garble_the_report() {
    let text = small("[roles.junior]\n\"\\u001b[31m\\u202e\" = 1");
    let report = Matrix::parse(&text).unwrap_err().to_string();
    assert!(report.contains("\\u{1b}[31m\\u{202e}"), "{report}");
    let long = "x".repeat(100_000);
    let report = Matrix::parse(&small(&format!("{long} = 1"))).unwrap_err().to_string();
    assert!(report.len() < 1_000, "{} bytes", report.len());
}

#[test]
fn nesting_without_end_is_refused() {
    for text in [
        format!("resources = {}", "[".repeat(100_000)),
        format!("resources = {}", "{a=".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
    ] {
        let faults = Matrix::parse(&text).unwrap_err();
        assert!(faults.faults().iter().all(|fault| fault.code == FaultCode::Syntax));
    }
}

#[test]
fn every_damaged_copy_of_the_default_is_parsed_or_refused() {
    for (at, _) in DEFAULT.char_indices().step_by(7) {
        let cut = &DEFAULT[..at];
        // All but the last role have one below them that they name.
        assert!(Matrix::parse(cut).is_err() || cut.contains("[roles.resident]"), "{at}");
        let without = format!("{cut}{}", &DEFAULT[at + 1..]);
        let _ = Matrix::parse(&without);
    }
}

fn faults(text: &str) -> Vec<(usize, &'static str)> {
    let faults = Matrix::parse(text).err().unwrap_or_default();
    faults.faults().iter().map(|fault| (fault.line, fault.code.as_str())).collect()
}
