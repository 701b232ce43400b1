//! `keys retire`: a key pair goes before its time.

use std::fmt;
use std::process::ExitCode;

use portcullis_flows::signing_key::RetirementError;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::Opened;
use crate::output::Output;
use crate::{opening, wiring};

pub(super) fn run(config: &Config, kid: &str, output: Output) -> Result<ExitCode, Failure> {
    let origin = wiring::local_origin("keys retire");
    let Opened { store, secret, .. } = opening::opened_existing(config, &origin)?;
    let keys = wiring::signing_keys(store, config, &secret);
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
