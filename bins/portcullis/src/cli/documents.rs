//! The commands in the documents: each is one of the command line, with its options.

use std::fs;

use clap::Parser;

use super::Cli;
use crate::documents::pages;

#[test]
fn every_command_in_the_documents_is_one_of_the_command_line() {
    let (mut count, mut faults) = (0, Vec::new());
    for page in pages() {
        for line in commands(&fs::read_to_string(&page).unwrap()) {
            for arguments in calls(&line) {
                count += 1;
                if let Err(error) = Cli::try_parse_from(&arguments)
                    && error.use_stderr()
                {
                    faults.push(format!("{}: {line}\n{error}", page.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= 50, "only {count} commands were found");
}

/// The lines of the blocks of shell, each with those that continue it. Output and comments are left out.
fn commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut block = None;
    let mut is_continued = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = block.is_none().then_some(language);
            is_continued = false;
            continue;
        }
        let prompted = line.strip_prefix("$ ");
        let begun = match block {
            Some("sh") => Some(line),
            Some(_) => prompted,
            None => None,
        };
        if is_continued && let Some(last) = found.last_mut() {
            last.push_str(line.trim_end_matches('\\'));
        } else if let Some(begun) = begun {
            found.push(begun.trim_end_matches('\\').to_owned());
        }
        is_continued = (is_continued || begun.is_some()) && line.ends_with('\\');
    }
    found
}

/// The arguments of each call of the program in a line of shell, the program first.
pub(super) fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    for word in words(line) {
        match word.as_str() {
            "|" | "||" | "&&" | ";" | "&" | "do" | "sudo" => calls.push(Vec::new()),
            word if word.starts_with('#') => break,
            // A variable of the shell that stands for a whole argument holds an id.
            "$id" => {
                calls.last_mut().unwrap().push("019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11".to_owned());
            }
            word => calls.last_mut().unwrap().push(word.to_owned()),
        }
    }
    let program = |call: Vec<String>| {
        let at = call.iter().position(|word| !word.contains('=') && word != "export")?;
        let call = call.get(at..)?;
        let is_ours = call.first()?.rsplit('/').next()? == "portcullis";
        let is_redirection = |word: &String| word.starts_with(['>', '<']) || word.starts_with("2>");
        let end = call.iter().position(is_redirection).unwrap_or(call.len());
        is_ours.then(|| call.get(..end).unwrap().to_vec())
    };
    calls.into_iter().filter_map(program).collect()
}

/// The words of a line, without the quotes around them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for character in line.chars().chain([' ']) {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(character), true),
            (None, ' ') => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            _ => {
                word.push(character);
                is_word = true;
            }
        }
    }
    words
}
