//! The page of the words of the audit log, docs/reference/events.md, from their documentation.

use std::fmt::Write;
use std::fs;

use super::{EventKind, ExportFormat, Outcome, RiskOutcome, TrailAlarm};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/events.md");

const HEAD: &str = "\
# Events

This page is generated from the code (`just reference`), and a test compares both. [The audit log](../audit.md) describes
records, their seal and its proof. A word is stored and sent as it is here, and never changes its meaning.
";

#[test]
fn the_page_of_events_is_generated_from_the_words() {
    let mut page = HEAD.to_owned();
    push(&mut page, "Kinds", EventKind::ALL.iter().map(|it| (it.as_str(), it.about())));
    push(&mut page, "Outcomes", Outcome::ALL.iter().map(|it| (it.as_str(), it.about())));
    push(&mut page, "Alarms", TrailAlarm::ALL.iter().map(|it| (it.as_str(), it.about())));
    push(
        &mut page,
        "Outcomes of a risk assessment",
        RiskOutcome::ALL.iter().map(|it| (it.as_str(), it.about())),
    );
    push(
        &mut page,
        "Formats of an export",
        ExportFormat::ALL.iter().map(|it| (it.as_str(), it.about())),
    );
    if std::env::var_os("PORTCULLIS_TEST_PAGES").is_some_and(|value| value == "write") {
        fs::write(PATH, &page).unwrap();
    }
    let written = fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/events.md is out of date: `just reference` writes it again"
    );
}

fn push<'a>(page: &mut String, title: &str, words: impl Iterator<Item = (&'a str, &'a str)>) {
    write!(page, "\n## {title}\n\n| Word | Meaning |\n|---|---|\n").unwrap();
    for (word, about) in words {
        writeln!(page, "| `{word}` | {} |", without_links(about.trim())).unwrap();
    }
}

/// The text with the word of an outcome in place of a link to it.
fn without_links(about: &str) -> String {
    Outcome::ALL.iter().fold(about.to_owned(), |text, outcome| {
        text.replace(&format!("[`Outcome::{outcome:?}`]"), &format!("`{outcome}`"))
    })
}
