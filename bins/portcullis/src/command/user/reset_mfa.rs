//! `user reset-mfa`: removes all second factors of an account and ends its sessions.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use super::named::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, name: &Name, output: Output) -> Result<ExitCode, Failure> {
    let origin = local_origin("user reset-mfa");
    let OpenedDatabase { store, .. } = opening::opened_existing(config, &origin)?;
    let reset = assembly::sign_in::factor_reset(&store, config);
    let ended = reset.reset(&name.username, &origin)?;
    let sessions_ended = ended.ok_or_else(|| name.unknown())?;
    output.answer(&FactorsRemoved { reset: name.username.clone(), sessions_ended })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct FactorsRemoved {
    reset: String,
    sessions_ended: usize,
}

impl fmt::Display for FactorsRemoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} has no second factor any more; {} sessions have ended.",
            self.reset, self.sessions_ended
        )
    }
}
