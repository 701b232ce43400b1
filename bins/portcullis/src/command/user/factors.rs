//! `user factors`: shows the second factors of an account, without any secret.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Timestamp;
use portcullis_flows::sign_in::backup_code::Factors;
use serde::Serialize;

use super::named::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, name: &Name, output: Output) -> Result<ExitCode, Failure> {
    let store = opening::existing_store(config)?.ok_or_else(opening::no_database)?;
    let found = assembly::sign_in::factor_reset(&store, config).factors(&name.username)?;
    let factors = found.ok_or_else(|| name.unknown())?;
    output.answer(&FactorList::from(factors))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct FactorList {
    totp: Option<Totp>,
    backup_codes_left: u64,
}

#[derive(Serialize)]
struct Totp {
    confirmed_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl From<Factors> for FactorList {
    fn from(factors: Factors) -> Self {
        let totp = factors
            .totp
            .map(|totp| Totp { confirmed_at: totp.confirmed_at, last_used_at: totp.last_used_at });
        Self { totp, backup_codes_left: factors.backup_codes_left }
    }
}

impl fmt::Display for FactorList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(totp) = &self.totp else {
            return f.write_str("The account has no second factor.");
        };
        let used = totp.last_used_at.map_or_else(|| "never".to_owned(), |time| time.to_string());
        writeln!(f, "authenticator app: confirmed {}, last used {used}", totp.confirmed_at)?;
        write!(f, "backup codes left: {}", self.backup_codes_left)
    }
}
