//! `keys retire`: retires a key pair at once.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::Ambient;
use portcullis_flows::node::signing_key::RetirementError;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The key to retire.
#[derive(Debug, Args)]
#[command(after_help = "\
Every token that the key has signed is refused from then on. Servers refuse it within a second. Services \
refuse it when their copy of the published keys expires: after five minutes, or longer with a cache \
between. A client with a refused token must refresh. A key that signs cannot be retired: run \
`portcullis keys rotate --now` first and wait four seconds. After a change to key pairs, the HS256 shared \
secret can be retired in the same way.")]
pub(crate) struct Arguments {
    /// The id of the key (kid), as `keys list` prints it
    // One kid of 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Arguments { kid } = arguments;
    let operator = operator("keys retire");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &operator.origin)?;
    let keys = assembly::node::signing_keys(&store, config, &secret, &Ambient::system());
    keys.retire(kid, &operator).map_err(failure)?;
    output.answer(&Retired { kid })?;
    Ok(ExitCode::SUCCESS)
}

fn failure(error: RetirementError) -> Failure {
    let remedy = match error {
        RetirementError::Unknown | RetirementError::Retired => {
            "`portcullis keys list` lists the keys"
        }
        RetirementError::Signing => {
            "run `portcullis keys rotate --now`, wait four seconds, and try again"
        }
        RetirementError::Store(error) => return error.into(),
    };
    Failure::failed(error, remedy)
}

#[derive(Serialize)]
struct Retired<'a> {
    kid: &'a str,
}

impl fmt::Display for Retired<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "retired {} and destroyed its private key\nRunning servers refuse its tokens within a \
             second. Services refuse them when their copy of the published keys expires.",
            self.kid
        )
    }
}
