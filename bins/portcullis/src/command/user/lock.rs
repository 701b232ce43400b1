//! `user lock`: deactivates an account, which ends its sessions.

use std::fmt;
use std::process::ExitCode;

use portcullis_flows::identity::account_change::AccountPatch;
use serde::Serialize;

use super::named::{Name, unchanged};
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, name: &Name, output: Output) -> Result<ExitCode, Failure> {
    let operator = operator("user lock");
    let (store, matrices) = opening::started(config, &operator)?;
    let account = name.find(&store)?;
    let changes = assembly::identity::changes_by_operator(&store, &matrices, config);
    let patch = AccountPatch { is_active: Some(false), ..AccountPatch::default() };
    changes.change(&operator, account.id, &patch).map_err(unchanged)?;
    output.answer(&Locked { locked: name.username.clone() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Locked {
    locked: String,
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { locked } = self;
        write!(
            f,
            "{locked:?} is deactivated. Its sessions have ended. `user unlock` activates it again."
        )
    }
}
