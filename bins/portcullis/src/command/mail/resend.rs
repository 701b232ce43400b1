//! `mail resend`: makes dead letters due again.

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use portcullis_domain::Ambient;
use portcullis_flows::node::outbox::{DeadLetters, ResentLetters};
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The dead letters.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id of a dead letter, or `all`
    #[arg(value_name = "ID|all", value_parser = parse)]
    which: DeadLetters,
}

fn parse(text: &str) -> Result<DeadLetters, &'static str> {
    match text {
        "all" => Ok(DeadLetters::ALL),
        id => FromStr::from_str(id).map(DeadLetters::One).map_err(|_| "write an id, or `all`"),
    }
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("mail resend");
    let OpenedDatabase { store, .. } = opening::opened_existing(config, &operator.origin)?;
    let dead_letters = assembly::node::dead_letters(&store, &Ambient::system());
    let resent = dead_letters.resend(&operator, arguments.which)?;
    let ResentLetters { due, over, .. } = resent;
    match (arguments.which, due, over) {
        (DeadLetters::One(id), 0, 0) => {
            let remedy = "`portcullis mail dead-letters` lists them";
            Err(Failure::failed(format!("{id} is not a dead letter"), remedy))
        }
        (DeadLetters::One(id), 0, _) => {
            let remedy = "the recipient asks for a new one, if it is still needed";
            Err(Failure::failed(format!("the code or the link of {id} is over"), remedy))
        }
        _ => {
            output.answer(&Resent { due, over })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[derive(Serialize)]
struct Resent {
    due: u64,
    over: u64,
}

impl fmt::Display for Resent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mails that are due again: {}. A running server sends them.", self.due)?;
        match self.over {
            0 => Ok(()),
            over => write!(f, " Not sent again, because the code or link is over: {over}."),
        }
    }
}
