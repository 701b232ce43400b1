//! `mail dead-letters`: lists the mails that are not attempted any more.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::outbox::DeadLetter;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;
use crate::{assembly, opening};

/// The length of the list.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Maximum number of mails
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    most: u32,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = opening::existing_store(config)?.ok_or_else(opening::no_database)?;
    let dead_letters = assembly::node::dead_letters(&store, &Ambient::system());
    let listed = dead_letters.list(arguments.most)?;
    output.answer(&List { dead_letters: listed.into_iter().map(Item::from).collect() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct List {
    dead_letters: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    kind: String,
    recipient: String,
    created_at: Timestamp,
    dead_at: Timestamp,
    attempts: u32,
    failure: String,
}

impl From<DeadLetter> for Item {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { id, kind, recipient, created_at, dead_at, attempts, failure } = letter;
        Self { id: id.to_string(), kind, recipient, created_at, dead_at, attempts, failure }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dead_letters.is_empty() {
            return f.write_str("There are no dead letters.");
        }
        let titles = ["id", "kind", "recipient", "since", "attempts", "failure"];
        let row = |item: &Item| {
            [
                item.id.clone(),
                item.kind.clone(),
                item.recipient.clone(),
                item.dead_at.to_string(),
                item.attempts.to_string(),
                item.failure.clone(),
            ]
        };
        let rows = self.dead_letters.iter().map(row);
        Table(std::iter::once(titles.map(str::to_owned)).chain(rows).collect()).fmt(f)
    }
}
