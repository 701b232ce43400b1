//! `ban add`: bans an address.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_domain::Ambient;
use portcullis_flows::node::ban::AddressPrefix;
use portcullis_web::has_forbidden_character;
use serde::Serialize;

use super::list::ListedBan;
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The address to ban.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address; an IPv6 address stands for its /64 network
    address: AddressPrefix,
    /// The duration, 1 to 31622400 (a year); replaces the present ban of the address
    #[arg(long)]
    seconds: u64,
    /// The reason, for other operators; at most 256 bytes
    #[arg(long, default_value = "")]
    reason: String,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Arguments { address, seconds, reason } = arguments;
    if has_forbidden_character(&reason) {
        let problem = "the reason has a control or bidirectional character, or a hidden tag";
        return Err(Failure::usage(problem.to_owned()));
    }
    let operator = operator("ban add");
    let OpenedDatabase { store, .. } = opening::opened_existing(config, &operator.origin)?;
    let ban = assembly::node::ban_administration(&store, config, None, &Ambient::system()).impose(
        &operator,
        address,
        Duration::from_secs(seconds),
        &reason,
    )?;
    output.answer(&Added { banned: ban.into() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Added {
    banned: ListedBan,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListedBan { network, ends_at, .. } = &self.banned;
        write!(f, "{network} is banned until {ends_at}. Running servers refuse it within a second.")
    }
}
