//! `keys retire`: a key pair goes before its time.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::Ambient;
use portcullis_flows::node::signing_key::RetirementError;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::Opened;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening};

/// Which key shall go.
#[derive(Debug, Args)]
#[command(after_help = "\
Every token that it has signed is refused from then on: by the servers within a second, by services \
that have fetched the published keys when their copy is too old, five minutes unless a cache between \
keeps one too. A client with such a token must refresh. A \
key that signs cannot be retired: run `portcullis keys rotate --now` first and wait four seconds. The \
shared secret of HS256 goes likewise once key pairs sign, if it must not be accepted until its time is \
over.")]
pub(crate) struct Arguments {
    /// The name of the key, as `keys list` shows it
    // One name of 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Arguments { kid } = arguments;
    let origin = local_origin("keys retire");
    let Opened { store, secret, .. } = opening::opened_existing(config, &origin)?;
    let keys = assembly::node::signing_keys(&store, config, &secret, &Ambient::system());
    keys.retire(kid, &origin).map_err(failure)?;
    output.answer(&Retired { kid })?;
    Ok(ExitCode::SUCCESS)
}

fn failure(error: RetirementError) -> Failure {
    let remedy = match error {
        RetirementError::Unknown | RetirementError::Retired => "`portcullis keys list` shows them",
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
            "retired {}, and destroyed its private half\nThe servers that run refuse its tokens \
             within a second, services when their copy of the keys is too old.",
            self.kid
        )
    }
}
