//! `user unlock`: activates an account again, and resets its failure counters, which ends a lockout.

use std::fmt;
use std::process::ExitCode;

use portcullis_flows::identity::account_change::AccountPatch;
use serde::Serialize;

use super::named::{Name, unchanged};
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, name: &Name, output: Output) -> Result<ExitCode, Failure> {
    let operator = operator("user unlock");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &operator.origin)?;
    let account = name.find(&store)?;
    if !account.is_active {
        let (store, matrices) = opening::started(config, &operator)?;
        let changes = assembly::identity::changes_by_operator(&store, &matrices, config);
        let patch = AccountPatch { is_active: Some(true), ..AccountPatch::default() };
        changes.change(&operator, account.id, &patch).map_err(unchanged)?;
    }
    let unlock = assembly::sign_in::unlock(&store, &secret);
    if !unlock.unlock(&name.username, &operator.origin)? {
        return Err(name.unknown());
    }
    let unlocked = name.username.clone();
    let (activated, block_lifted) = (!account.is_active, account.is_blocked);
    output.answer(&UnlockOutput { unlocked, activated, block_lifted })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct UnlockOutput {
    unlocked: String,
    activated: bool,
    /// True if the holder had disavowed an alert, which blocked the account.
    block_lifted: bool,
}

impl fmt::Display for UnlockOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.activated {
            write!(f, "{:?} is active again. ", self.unlocked)?;
        }
        write!(f, "The failure counters of {:?} are reset.", self.unlocked)?;
        if self.block_lifted {
            f.write_str(
                " The block by its holder is lifted: a thief may know the password, so set another one by \
                 `user set-password`.",
            )?;
        }
        Ok(())
    }
}
