//! The documents: every link leads to a file and to a heading that exist, and the README stays short and
//! plain.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, assert_none, root};

/// The maximum number of lines of the README.
const README_LINES: usize = 150;

/// The maximum number of words of a sentence in the README.
const SENTENCE_WORDS: usize = 25;

#[test]
fn every_link_of_a_document_leads_to_something() -> Outcome {
    let mut dead = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(&document)?;
        for link in links(&prose(&text)) {
            if is_local_file(link) && !leads_somewhere(&document, link)? {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_none(dead);
    Ok(())
}

#[test]
fn the_readme_is_short_and_its_sentences_too() -> Outcome {
    let text = fs::read_to_string(root().join("README.md"))?;
    let lines = text.lines().count();
    assert!(lines <= README_LINES, "{lines} lines");
    let prose = prose(&text);
    let paragraphs = prose.split("\n\n").filter(|part| !part.starts_with(['#', '|', '!']));
    let long = paragraphs.flat_map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        let sentences = words.split_inclusive(|word| word.ends_with(['.', ':', '?', '!']));
        sentences.filter(|it| it.len() > SENTENCE_WORDS).map(|it| it.join(" ")).collect::<Vec<_>>()
    });
    assert_none(long);
    Ok(())
}

/// The README of the repository and of each crate, and the documents.
pub(super) fn documents() -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut found = vec![root().join("README.md")];
    found.extend(markdown_files(&root().join("docs"))?);
    for entry in fs::read_dir(root().join("crates"))? {
        let readme = entry?.path().join("README.md");
        if readme.exists() {
            found.push(readme);
        }
    }
    Ok(found)
}

/// The pages of a folder and of those in it.
pub(super) fn markdown_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(markdown_files(&path)?);
        } else if path.extension().is_some_and(|it| it == "md") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The text without its code blocks.
pub(super) fn prose(text: &str) -> String {
    let parts = text.split("\n```");
    parts.step_by(2).collect::<Vec<_>>().join("\n")
}

pub(super) fn links(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect()
}

/// False for other sites, and for items of the code, whose links are checked with the documentation.
fn is_local_file(link: &str) -> bool {
    let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
    !is_elsewhere && link.contains(['/', '.', '#'])
}

fn leads_somewhere(document: &Path, link: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let folder = document.parent().unwrap_or(document);
    let target = if file.is_empty() { document.to_owned() } else { folder.join(file) };
    if !target.exists() || heading.is_empty() {
        return Ok(target.exists());
    }
    let text = fs::read_to_string(target)?;
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    Ok(headings.any(|line| anchor(line) == heading))
}

/// The anchor of a heading, as the common renderers of Markdown make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|it| it.is_alphanumeric() || [' ', '-', '_'].contains(it));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}
