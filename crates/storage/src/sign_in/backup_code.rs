//! `BackupCodeStore` and `BackupCodeSetStore`: backup codes, and the state of second factors, tables
//! `backup_codes`, `totp_factors`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::backup_code::{BackupCodeSetStore, Factors, NewBackupCodes};
use portcullis_flows::sign_in::factor::BackupCodeStore;
use portcullis_flows::sign_in::totp::{FactorChange, TotpState};
use portcullis_mfa::BackupCode;

use crate::connection::dispatch;
use crate::schema::{backup_codes, totp_factors};
use crate::sign_in::factor;
use crate::sign_in::passkey;
use crate::sign_in::reauthentication;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl BackupCodeStore for Store {
    fn backup_codes(&self, account: AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let set = backup_codes::table.find(Key::from(account)).select(backup_codes::sealed);
            Ok(dispatch!(connection, inner => set.first(inner).optional())?)
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
            let values = (
                backup_codes::sealed.eq(set.sealed),
                backup_codes::used.eq(0),
                backup_codes::created_at.eq(Instant::from(connection.now()?)),
                backup_codes::last_used_at.eq(None::<Instant>),
            );
            let replace = diesel::insert_into(backup_codes::table)
                .values((backup_codes::account_id.eq(Key::from(account)), values))
                .on_conflict(backup_codes::account_id)
                .do_update()
                .set(values);
            dispatch!(connection, inner => replace.execute(inner))?;
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
            let codes = backup_codes::table.find(Key::from(account)).select(backup_codes::used);
            let used: Option<i32> = dispatch!(connection, inner => codes.first(inner).optional())?;
            let totp = totp.map(|(confirmed_at, last_used_at)| TotpState {
                confirmed_at: confirmed_at.into(),
                last_used_at: last_used_at.map(Timestamp::from),
            });
            let passkeys = passkey::of_account(connection, account)?;
            Ok(Factors { totp, passkeys, backup_codes_left: used.map_or(0, left) })
        })
    }

    fn sealed_backup_codes(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, StoreError> {
        self.read(|connection| {
            let sets = backup_codes::table
                .filter(backup_codes::account_id.gt(after.map(Key::from).unwrap_or_default()))
                .order(backup_codes::account_id)
                .limit(limit.into())
                .select((backup_codes::account_id, backup_codes::sealed));
            let sets: Vec<(Key, Vec<u8>)> = dispatch!(connection, inner => sets.load(inner))?;
            Ok(sets.into_iter().map(|(account, sealed)| (account.into(), sealed)).collect())
        })
    }

    fn reseal_backup_codes(
        &self,
        account: AccountId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let same = backup_codes::table
                .find(Key::from(account))
                .filter(backup_codes::sealed.eq(before));
            let reseal = diesel::update(same).set(backup_codes::sealed.eq(after));
            dispatch!(connection, inner => reseal.execute(inner))?;
            Ok(())
        })
    }
}

/// The number of codes of a set that are not used: the bit of each place in `used` tells.
pub(crate) const fn left(used: i32) -> u32 {
    BackupCode::COUNT.saturating_sub(used.count_ones())
}
