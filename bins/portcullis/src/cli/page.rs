//! The page of commands, docs/reference/cli.md, from the command line itself.

use std::fmt::Write;

use clap::builder::StyledStr;
use clap::{Arg, Command};

use crate::documents::{compare, escape};

const HEAD: &str = "\
# Commands

This page is generated from the command line (`just reference`), and a test compares both. `portcullis VERB --help` prints
the same for one command.

A command works on the configured database, whether a server runs or not. Running servers follow within a second. Each
change is recorded in the audit log with the actor `operator`.
";

#[test]
fn the_page_of_commands_is_generated_from_the_command_line() {
    let mut command = super::command();
    command.build();
    let mut page = HEAD.to_owned();
    page.push_str("\n## Options of every command\n\n");
    let global = command.get_arguments().filter(|argument| !is_help(argument));
    push_options(&mut page, global);
    push_notes(&mut page, &command);
    for verb in verbs(&command) {
        push_verb(&mut page, verb, 2);
    }
    compare("cli.md", &page);
}

/// A verb with its options, and after it its own verbs.
fn push_verb(page: &mut String, command: &Command, level: usize) {
    let name = command.get_bin_name().unwrap_or_default();
    let name = name.strip_prefix("portcullis ").unwrap_or(name);
    write!(page, "\n{} `{name}`\n\n{}.\n", "#".repeat(level), about(command)).unwrap();
    if verbs(command).next().is_none() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
        write!(page, "\n```text\n{usage}\n```\n").unwrap();
    }
    let own: Vec<&Arg> =
        command.get_arguments().filter(|it| !it.is_global_set() && !is_help(it)).collect();
    if !own.is_empty() {
        page.push('\n');
        push_options(page, own);
    }
    push_notes(page, command);
    for verb in verbs(command) {
        push_verb(page, verb, level + 1);
    }
}

fn push_options<'a>(page: &mut String, arguments: impl IntoIterator<Item = &'a Arg>) {
    page.push_str("| Option | Meaning |\n|---|---|\n");
    for argument in arguments {
        let mut meaning = plain(argument.get_help());
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
        if argument.get_action().takes_values() {
            let values = argument.get_possible_values();
            let values: Vec<_> =
                values.iter().map(|value| format!("`{}`", value.get_name())).collect();
            if !values.is_empty() {
                write!(meaning, ": {}", values.join(", ")).unwrap();
            }
            if !defaults.is_empty() && !defaults.concat().is_empty() {
                write!(meaning, " [default: {}]", defaults.join(" ")).unwrap();
            }
        }
        writeln!(page, "| `{}` | {} |", argument.to_string().replace('|', "\\|"), escape(&meaning))
            .unwrap();
    }
}

/// The paragraphs after the options of the help.
fn push_notes(page: &mut String, command: &Command) {
    let notes = plain(command.get_after_help());
    for paragraph in notes.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        if paragraph.starts_with("  ") {
            write!(page, "\n```text\n{paragraph}\n```\n").unwrap();
        } else {
            write!(page, "\n{}\n", escape(paragraph)).unwrap();
        }
    }
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help")
}

fn about(command: &Command) -> String {
    escape(plain(command.get_about()).trim_end_matches('.'))
}

fn is_help(argument: &Arg) -> bool {
    ["help", "version"].contains(&argument.get_id().as_str())
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}
