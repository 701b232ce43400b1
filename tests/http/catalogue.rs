//! The catalogue of error codes: a snapshot, and its documentation in docs/errors.md.

use std::collections::BTreeSet;
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
