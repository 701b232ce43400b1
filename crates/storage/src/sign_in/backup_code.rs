//! `BackupCodeStore` and `BackupCodeSetStore`: backup codes, and the state of second factors, tables
//! `backup_codes`, `totp_factors`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::backup_code::{BackupCodeSetStore, Factors, NewBackupCodes};
use portcullis_flows::sign_in::factor::BackupCodeStore;
use portcullis_flows::sign_in::totp::{FactorChange, TotpState};
use portcullis_password::PasswordHash;

use crate::connection::dispatch;
use crate::failure::Failure;
use crate::schema::{backup_codes, totp_factors};
use crate::sign_in::factor;
use crate::sign_in::passkey;
use crate::sign_in::reauthentication;
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;

impl BackupCodeStore for Store {
    fn backup_code_hash(&self, account: AccountId) -> Result<Option<PasswordHash>, StoreError> {
        self.read(|connection| {
            let one = backup_codes::table
                .filter(backup_codes::account_id.eq(Key::from(account)))
                .select(backup_codes::hash);
            let one: Option<String> = dispatch!(connection, inner => one.first(inner).optional())?;
            let corrupt = |_| Failure::Corrupt { table: "backup_codes", column: "hash" };
            one.map(|hash| PasswordHash::parse(&hash)).transpose().map_err(corrupt)
        })
    }
}

impl BackupCodeSetStore for Store {
    fn replace_backup_codes(&self, set: &NewBackupCodes<'_>) -> Result<FactorChange, StoreError> {
        self.write_recorded(set.effects, |connection| {
            if let Some(outcome) = reauthentication::validate(connection, set.reauthenticated)? {
                return Ok(FactorChange::Refused(outcome));
            }
            let account = set.reauthenticated.account.id;
            if !factor::has_factor(connection, account)? {
                return Ok(FactorChange::NoFactor);
            }
            let former =
                backup_codes::table.filter(backup_codes::account_id.eq(Key::from(account)));
            dispatch!(connection, inner => diesel::delete(former).execute(inner))?;
            let now = Instant::from(connection.now()?);
            for hash in set.hashes {
                let insert = diesel::insert_into(backup_codes::table).values((
                    backup_codes::account_id.eq(Key::from(account)),
                    backup_codes::hash.eq(hash.as_str()),
                    backup_codes::created_at.eq(now),
                ));
                dispatch!(connection, inner => insert.execute(inner))?;
            }
            Ok(FactorChange::Done)
        })
    }

    fn factors(&self, account: AccountId) -> Result<Factors, StoreError> {
        self.read(|connection| {
            let totp = totp_factors::table
                .find(Key::from(account))
                .select((totp_factors::confirmed_at, totp_factors::last_used_at));
            let totp: Option<(Instant, Option<Instant>)> =
                dispatch!(connection, inner => totp.first(inner).optional())?;
            let left = backup_codes::table
                .filter(backup_codes::account_id.eq(Key::from(account)))
                .filter(backup_codes::used_at.is_null())
                .count();
            let left: i64 = dispatch!(connection, inner => left.get_result(inner))?;
            let totp = totp.map(|(confirmed_at, last_used_at)| TotpState {
                confirmed_at: confirmed_at.into(),
                last_used_at: last_used_at.map(Timestamp::from),
            });
            let passkeys = passkey::of_account(connection, account)?;
            Ok(Factors { totp, passkeys, backup_codes_left: natural(left) })
        })
    }
}
