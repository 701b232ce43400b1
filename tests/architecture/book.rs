//! The book: its list of pages is complete, and its blocks are well-formed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::documents::{documents, links, markdown_files, prose};
use super::{Outcome, assert_none, root};

const SUMMARY: &str = "SUMMARY.md";

#[test]
fn every_page_is_in_the_book_once() -> Outcome {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join(SUMMARY))?;
    let mut listed: Vec<&str> = links(&summary);
    let mut pages = Vec::new();
    for path in markdown_files(&docs)? {
        let page = path.strip_prefix(&docs)?.to_string_lossy().into_owned();
        if page != SUMMARY {
            pages.push(page);
        }
    }
    listed.sort_unstable();
    pages.sort_unstable();
    assert_eq!(listed, pages, "list each page in docs/SUMMARY.md");
    Ok(())
}

#[test]
fn every_json_in_a_document_can_be_parsed() -> Outcome {
    let mut faults = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(&document)?;
        for block in blocks(&text, |language| language == "json") {
            // A block may show several lines of JSON.
            let mut values = serde_json::Deserializer::from_str(&block).into_iter::<Value>();
            if let Some(error) = values.find_map(Result::err) {
                faults.push(format!("{}: {error}: mark it as `text`\n{block}", document.display()));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

#[test]
fn every_block_of_shell_can_be_parsed() -> Outcome {
    let mut faults = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(&document)?;
        for block in blocks(&text, |language| language == "sh") {
            let mut bash = Command::new("bash")
                .arg("-n")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            bash.stdin.take().ok_or("no input")?.write_all(block.as_bytes())?;
            let output = bash.wait_with_output()?;
            if !output.status.success() {
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                faults.push(format!("{}: {error}", document.display()));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

/// A program that is shown is one that the tests compile or run: a part of a file that the page links to. The
/// JavaScript is run as it is, by `tests/http/browser_application.rs`.
#[test]
fn every_program_of_the_first_pages_is_part_of_a_file_that_is_tested() -> Outcome {
    let mut faults = Vec::new();
    for page in markdown_files(&root().join("docs/start"))? {
        let text = fs::read_to_string(&page)?;
        let folder = page.parent().ok_or("no folder")?;
        let files = links(&text).into_iter().filter(|link| is_program(link));
        let sources: Vec<String> =
            files.map(|link| fs::read_to_string(folder.join(link))).collect::<Result<_, _>>()?;
        let programs = ["rust", "python", "ts"];
        for block in blocks(&text, |language| programs.contains(&language)) {
            if !sources.iter().any(|source| source.contains(block.trim())) {
                faults.push(format!("{}: no linked file contains\n{block}", page.display()));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

fn is_program(link: &str) -> bool {
    let extension = Path::new(link).extension().unwrap_or_default();
    ["rs", "py", "ts"].into_iter().any(|known| known == extension)
}

/// The maximum number of words of a sentence in a page of the book that is a guide.
const SENTENCE_WORDS: usize = 25;

#[test]
fn the_sentences_of_the_guides_are_short() -> Outcome {
    let mut long = Vec::new();
    for folder in ["start", "tasks", "operate"] {
        for page in markdown_files(&root().join("docs").join(folder))? {
            let text = fs::read_to_string(&page)?;
            let prose = prose(&text).replace("\n- ", "\n\n").replace("\n1. ", "\n\n");
            for paragraph in prose.split("\n\n").filter(|part| !part.starts_with(['#', '|', '!'])) {
                let words: Vec<&str> = paragraph.split_whitespace().collect();
                let sentences = words.split_inclusive(|word| word.ends_with(['.', ':', '?', '!']));
                let sentences = sentences.filter(|it| it.len() > SENTENCE_WORDS);
                long.extend(sentences.map(|it| format!("{}: {}", page.display(), it.join(" "))));
            }
        }
    }
    assert_none(long);
    Ok(())
}

/// The code blocks whose language is wanted.
fn blocks(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), block.take()) {
            (Some(_), Some((true, code))) => found.push(code),
            (Some(_), Some((false, _))) | (None, None) => {}
            (Some(language), None) => block = Some((is_wanted(language), String::new())),
            (None, Some((wanted, code))) => block = Some((wanted, format!("{code}{line}\n"))),
        }
    }
    found
}
