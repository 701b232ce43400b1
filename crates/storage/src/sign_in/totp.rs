//! `TotpStore`: enrolment, confirmation and removal of authenticator apps, tables `totp_factors`,
//! `totp_enrolments`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Session};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::factor::StoredTotp;
use portcullis_flows::sign_in::totp::{
    FactorChange, FactorRemoval, NewTotp, TotpConfirmation, TotpConfirmed, TotpStore,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::{totp_enrolments, totp_factors};
use crate::sign_in::factor;
use crate::sign_in::passkey_row;
use crate::sign_in::reauthentication;
use crate::sign_in::replacement;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key, bigint};
use crate::store::Store;

impl TotpStore for Store {
    fn start_totp(&self, enrolment: &NewTotp<'_>) -> Result<FactorChange, StoreError> {
        self.write_recorded(enrolment.effects, |connection| {
            if let Some(outcome) =
                reauthentication::validate(connection, enrolment.reauthenticated)?
            {
                return Ok(FactorChange::Refused(outcome));
            }
            let expires_at = connection.now()? + enrolment.lifetime;
            let values = (
                totp_enrolments::session_id.eq(Key::from(enrolment.session)),
                totp_enrolments::seed.eq(enrolment.sealed),
                totp_enrolments::expires_at.eq(Instant::from(expires_at)),
            );
            let account = Key::from(enrolment.reauthenticated.account.id);
            let insert = diesel::insert_into(totp_enrolments::table)
                .values((totp_enrolments::account_id.eq(account), values))
                .on_conflict(totp_enrolments::account_id)
                .do_update()
                .set(values);
            dispatch!(connection, inner => insert.execute(inner))?;
            Ok(FactorChange::Done)
        })
    }

    fn confirm_totp(
        &self,
        confirmation: &TotpConfirmation<'_>,
    ) -> Result<TotpConfirmed, StoreError> {
        self.write_recorded(confirmation.effects, |connection| confirm(connection, confirmation))
    }

    fn remove_totp(&self, removal: &FactorRemoval<'_>) -> Result<FactorChange, StoreError> {
        self.write_recorded(removal.effects, |connection| {
            if let Some(outcome) = reauthentication::validate(connection, removal.reauthenticated)?
            {
                return Ok(FactorChange::Refused(outcome));
            }
            let account = removal.reauthenticated.account.id;
            if !factor::has_totp(connection, account)? {
                return Ok(FactorChange::NoFactor);
            }
            if removal.must_keep_one && passkey_row::count(connection, account)? == 0 {
                return Ok(FactorChange::LastFactor);
            }
            let remove = diesel::delete(totp_factors::table.find(Key::from(account)));
            dispatch!(connection, inner => remove.execute(inner))?;
            factor::end_epoch(connection, account)?;
            Ok(FactorChange::Done)
        })
    }

    fn sealed_seeds(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, StoreError> {
        self.read(|connection| {
            let after = after.map(Key::from).unwrap_or_default();
            let seeds = totp_factors::table
                .filter(totp_factors::account_id.gt(after))
                .order(totp_factors::account_id)
                .limit(limit.into())
                .select((totp_factors::account_id, totp_factors::seed));
            let seeds: Vec<(Key, Vec<u8>)> = dispatch!(connection, inner => seeds.load(inner))?;
            Ok(seeds.into_iter().map(|(account, seed)| (account.into(), seed)).collect())
        })
    }

    fn reseal_seed(
        &self,
        account: AccountId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let same =
                totp_factors::table.find(Key::from(account)).filter(totp_factors::seed.eq(before));
            let reseal = diesel::update(same).set(totp_factors::seed.eq(after));
            dispatch!(connection, inner => reseal.execute(inner))?;
            Ok(())
        })
    }
}

fn confirm(
    connection: &mut Connection,
    confirmation: &TotpConfirmation<'_>,
) -> Result<TotpConfirmed, Failure> {
    let TotpConfirmation { account, session, successor, .. } = *confirmation;
    sign_out::lock_account(connection, account)?;
    let now = connection.now()?;
    let Some(current) = replacement::lock_current(connection, account, session, now)? else {
        return Ok(TotpConfirmed::SessionEnded);
    };
    let own = totp_enrolments::table
        .find(Key::from(account))
        .filter(totp_enrolments::session_id.eq(Key::from(session)))
        .filter(totp_enrolments::expires_at.gt(Instant::from(now)));
    let seed = own.select(totp_enrolments::seed);
    let sealed: Option<Vec<u8>> = dispatch!(connection, inner => seed.first(inner).optional())?;
    let Some(sealed) = sealed else { return Ok(TotpConfirmed::NoEnrolment) };
    let stored = StoredTotp { sealed, last_step: None };
    let Some(step) = confirmation.proof.verify(account, &stored, now) else {
        return Ok(TotpConfirmed::WrongCode);
    };
    dispatch!(connection, inner => diesel::delete(own).execute(inner))?;
    let values = (
        totp_factors::seed.eq((confirmation.renewed)(stored.sealed)),
        totp_factors::last_step.eq(bigint(step.number())),
        totp_factors::confirmed_at.eq(Instant::from(now)),
        totp_factors::last_used_at.eq(None::<Instant>),
    );
    let replaces = factor::has_totp(connection, account)?;
    let insert = diesel::insert_into(totp_factors::table)
        .values((totp_factors::account_id.eq(Key::from(account)), values.clone()))
        .on_conflict(totp_factors::account_id)
        .do_update()
        .set(values);
    dispatch!(connection, inner => insert.execute(inner))?;
    if replaces {
        factor::end_epoch(connection, account)?;
    } else {
        factor::update_account(connection, account)?;
    }
    let revoked = sign_out::end_all(connection, account, None, confirmation.ending)?;
    let stronger = |session: Session| Session {
        authentication: (confirmation.authentication)(session.authentication.clone()),
        proven_at: now,
        ..session
    };
    let at = confirmation.ending.at;
    let session =
        replacement::succeed(connection, current, successor, stronger, confirmation.origin, at)?;
    let snapshot = account::find_snapshot(connection, account)?
        .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
    let (snapshot, session) = (Box::new(snapshot), Box::new(session));
    Ok(TotpConfirmed::Done { snapshot, session, revoked })
}
