//! `ban lift`: lifts a ban.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::Ambient;
use portcullis_flows::node::ban::AddressPrefix;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The address whose ban is lifted.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address, or any one of a banned /64 network
    address: AddressPrefix,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("ban lift");
    let OpenedDatabase { store, .. } = opening::opened_existing(config, &operator.origin)?;
    let lifted = assembly::node::ban_administration(&store, config, None, &Ambient::system())
        .lift(&operator, arguments.address);
    let lifted = lifted?.addresses.to_string();
    output.answer(&Lifted { lifted })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Lifted {
    lifted: String,
}

impl fmt::Display for Lifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lifted = &self.lifted;
        write!(f, "The ban of {lifted} is lifted. Running servers accept it within a second.")
    }
}
