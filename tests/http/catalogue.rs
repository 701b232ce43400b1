//! The catalogue of error codes: a snapshot, and its documentation in docs/errors.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_web::Code;

/// The page that documents every code.
const PAGE: &str = include_str!("../../docs/errors.md");

#[test]
fn the_catalogue_of_errors_is_this_one() {
    let mut table = String::new();
    for code in Code::ALL {
        writeln!(
            table,
            "{} {}\n    {}\n    {}",
            code.status(),
            code.as_str(),
            code.title(),
            code.advice()
        )
        .expect("writing to a string succeeds");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_two_errors_share_a_code_and_each_says_what_to_do() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code:?}");
        assert!(code.status() >= 400, "{code:?}");
        assert!(!code.title().ends_with('.') && code.advice().ends_with('.'), "{code:?}");
    }
}

#[test]
fn the_page_of_errors_has_every_code_with_the_words_of_the_catalogue() {
    let expected: Vec<String> = Code::ALL.iter().map(|code| row(*code)).collect();
    let rows: Vec<&str> = PAGE
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 5)
        .collect();
    assert_eq!(rows.join("\n"), expected.join("\n"), "bring docs/errors.md up to date");
}

fn row(code: Code) -> String {
    format!("| `{}` | {} | {} | {} |", code.as_str(), code.status(), code.title(), code.advice())
}

#[test]
fn the_page_of_errors_has_every_code_of_a_field_in_the_order_of_the_catalogue() {
    let fields = PAGE.split_once("## Codes of fields").expect("the section of fields").1;
    let mut documented = BTreeMap::<&str, Vec<&str>>::new();
    let mut errors: Vec<&str> = Vec::new();
    for line in fields.lines() {
        if let Some(row) = line.strip_prefix("| ").filter(|row| row.starts_with('`')) {
            let codes = words(row.split('|').next().unwrap_or_default());
            for error in &errors {
                documented.entry(error).or_default().extend(&codes);
            }
        } else if let Some((names, _)) = line.split_once(" say")
            && names.starts_with('`')
        {
            errors = words(names);
        }
    }
    let with_fields = Code::ALL.iter().filter(|code| !code.field_codes().is_empty());
    let listed: BTreeMap<&str, Vec<&str>> =
        with_fields.map(|code| (code.as_str(), code.field_codes().to_vec())).collect();
    assert_eq!(documented, listed, "bring docs/errors.md up to date");
}

/// The words in backticks.
fn words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
