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
    passkeys: Vec<Passkey>,
    backup_codes_left: u32,
}

#[derive(Serialize)]
struct Passkey {
    name: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
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
        let passkeys = factors.passkeys.into_iter().map(|passkey| Passkey {
            name: passkey.name,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        });
        Self { totp, passkeys: passkeys.collect(), backup_codes_left: factors.backup_codes_left }
    }
}

impl fmt::Display for FactorList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.totp.is_none() && self.passkeys.is_empty() {
            return f.write_str("The account has no second factor.");
        }
        let used =
            |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        if let Some(totp) = &self.totp {
            let (confirmed, used) = (totp.confirmed_at, used(totp.last_used_at));
            writeln!(f, "authenticator app: confirmed {confirmed}, last used {used}")?;
        }
        for Passkey { name, created_at, last_used_at } in &self.passkeys {
            writeln!(f, "passkey {name}: created {created_at}, last used {}", used(*last_used_at))?;
        }
        write!(f, "backup codes left: {}", self.backup_codes_left)
    }
}
