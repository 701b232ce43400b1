//! Acceptance of second factors: one conditional statement for each. Tables `totp_factors`,
//! `backup_codes`, `passkeys`.
//!
//! The caller holds the lock on the row of the account, so that attempts at one account are
//! sequential.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Factor};
use portcullis_flows::sign_in::factor::{
    BackupCodeProof, FactorProof, FactorUse, PasskeyProof, SealedPasskey, StoredTotp, TotpProof,
};
use portcullis_mfa::TotpStep;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, backup_codes, passkeys, totp_enrolments, totp_factors};
use crate::sign_in::challenge;
use crate::sign_in::device;
use crate::sign_in::passkey_challenge::{self, Owner};
use crate::sign_in::passkey_row::{self, SealedRow};
use crate::sql_type::{Instant, Key, bigint, natural};

/// Evaluates a proof and uses it up; `None` if it is wrong or was used before.
pub(crate) fn accept(
    connection: &mut Connection,
    account: AccountId,
    proof: &FactorProof,
) -> Result<Option<FactorUse>, Failure> {
    match proof {
        FactorProof::Totp(proof) => accept_totp(connection, account, proof),
        FactorProof::BackupCode(proof) => accept_backup_code(connection, account, proof),
        FactorProof::Passkey(proof) => accept_passkey(connection, account, proof),
    }
}

fn accept_totp(
    connection: &mut Connection,
    account: AccountId,
    proof: &TotpProof,
) -> Result<Option<FactorUse>, Failure> {
    let now = connection.now()?;
    let stored = totp_factors::table.find(Key::from(account)).select((
        totp_factors::seed,
        totp_factors::last_step,
        totp_factors::last_used_at,
    ));
    let stored: Option<(Vec<u8>, i64, Option<Instant>)> =
        dispatch!(connection, inner => stored.first(inner).optional())?;
    let Some((sealed, last_step, last_used_at)) = stored else { return Ok(None) };
    let last_step = Some(TotpStep::from_number(natural(last_step)));
    let Some(step) = proof.verify(account, &StoredTotp { sealed, last_step }, now) else {
        return Ok(None);
    };
    // This statement is the whole guard against a second use.
    let step = bigint(step.number());
    let unused =
        totp_factors::table.find(Key::from(account)).filter(totp_factors::last_step.lt(step));
    let accept = diesel::update(unused)
        .set((totp_factors::last_step.eq(step), totp_factors::last_used_at.eq(Instant::from(now))));
    let is_accepted = dispatch!(connection, inner => accept.execute(inner))? == 1;
    let is_notable = last_used_at.is_none();
    let factor_use = FactorUse { factor: Factor::Totp, is_notable, has_counter_gone_back: false };
    Ok(is_accepted.then_some(factor_use))
}

fn accept_backup_code(
    connection: &mut Connection,
    account: AccountId,
    proof: &BackupCodeProof,
) -> Result<Option<FactorUse>, Failure> {
    let set = backup_codes::table.find(Key::from(account));
    let stored = set.select((backup_codes::sealed, backup_codes::used));
    let stored: Option<(Vec<u8>, i32)> =
        dispatch!(connection, inner => stored.first(inner).optional())?;
    let Some((sealed, used)) = stored else { return Ok(None) };
    let bit = proof.place(account, &sealed).and_then(|place| 1_i32.checked_shl(place));
    let Some(bit) = bit.filter(|bit| used & bit == 0) else { return Ok(None) };
    // This statement is the whole guard against a second use. The lock on the account keeps the set; only
    // its seal may be another one by now, after a change of the secret key.
    let now = Instant::from(connection.now()?);
    let unused = set.filter(backup_codes::used.eq(used));
    let accept = diesel::update(unused)
        .set((backup_codes::used.eq(used | bit), backup_codes::last_used_at.eq(Some(now))));
    let is_accepted = dispatch!(connection, inner => accept.execute(inner))? == 1;
    let (factor, is_notable) = (Factor::BackupCodes, true);
    let factor_use = FactorUse { factor, is_notable, has_counter_gone_back: false };
    Ok(is_accepted.then_some(factor_use))
}

/// A stored challenge is spent first, also by an assertion that is wrong. The greatest counter is kept, so
/// that each use of an older copy is reported.
pub(crate) fn accept_passkey(
    connection: &mut Connection,
    account: AccountId,
    proof: &PasskeyProof,
) -> Result<Option<FactorUse>, Failure> {
    if let Some(stored) = proof.stored_challenge() {
        let owner = match stored.session {
            Some(session) => Owner::StepUp(session),
            None => Owner::SignIn(stored.binding.as_ref()),
        };
        if !passkey_challenge::spend(connection, &stored.digest(), &owner)? {
            return Ok(None);
        }
    }
    let own = passkeys::table
        .filter(passkeys::credential_id.eq(proof.credential().as_bytes()))
        .filter(passkeys::account_id.eq(Key::from(account)));
    let found: Option<(SealedRow, Option<Instant>)> = dispatch!(connection, inner => {
        own.select((SealedRow::as_select(), passkeys::last_used_at)).first(inner).optional()
    })?;
    let Some((sealed, last_used_at)) = found else { return Ok(None) };
    let sealed = SealedPasskey::try_from(sealed)?;
    let Some(assertion) = proof.verify(account, &sealed) else { return Ok(None) };
    let now = Instant::from(connection.now()?);
    let is_confirmed = proof.is_second() && assertion.is_user_verified;
    let accept = diesel::update(own).set((
        passkeys::is_user_verified.eq(sealed.is_user_verified || is_confirmed),
        passkeys::counter.eq(i64::from(assertion.counter.max(sealed.counter))),
        passkeys::is_backed_up.eq(assertion.is_backed_up),
        passkeys::last_used_at.eq(Some(now)),
    ));
    let is_accepted = dispatch!(connection, inner => accept.execute(inner))? == 1;
    Ok(is_accepted.then_some(FactorUse {
        factor: Factor::Passkey,
        is_notable: last_used_at.is_none(),
        has_counter_gone_back: assertion.has_counter_gone_back,
    }))
}

/// Returns whether the account has an authenticator app.
pub(crate) fn has_totp(connection: &mut Connection, account: AccountId) -> Result<bool, Failure> {
    let totp = totp_factors::table.find(Key::from(account));
    let look = diesel::select(diesel::dsl::exists(totp));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Returns whether the account has a second factor.
pub(crate) fn has_factor(connection: &mut Connection, account: AccountId) -> Result<bool, Failure> {
    Ok(has_totp(connection, account)? || passkey_row::count(connection, account)? > 0)
}

/// Stores with the account whether it has a factor, and removes what is useless without one.
pub(crate) fn update_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<(), Failure> {
    let (enabled, now) = (has_factor(connection, account)?, Instant::from(connection.now()?));
    let update = diesel::update(accounts::table.find(Key::from(account)))
        .set((accounts::mfa_enabled.eq(enabled), accounts::updated_at.eq(now)));
    dispatch!(connection, inner => update.execute(inner))?;
    if !enabled {
        let codes = backup_codes::table.find(Key::from(account));
        dispatch!(connection, inner => diesel::delete(codes).execute(inner))?;
    }
    Ok(())
}

/// As [`update_account`], after a factor was removed or replaced: every device is unknown from then on.
pub(crate) fn end_epoch(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let next = diesel::update(accounts::table.find(Key::from(account)))
        .set(accounts::factor_epoch.eq(accounts::factor_epoch + 1));
    dispatch!(connection, inner => next.execute(inner))?;
    device::forget_all(connection, account, None)?;
    update_account(connection, account)
}

/// Removes all second factors of the account and its enrolment.
pub(crate) fn remove_all(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    delete_all(connection, account)?;
    end_epoch(connection, account)
}

/// Deletes the rows of second factors of an account, also those of an account that is deleted itself.
pub(crate) fn delete_all(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let key = Key::from(account);
    let enrolments = diesel::delete(totp_enrolments::table.find(key));
    dispatch!(connection, inner => enrolments.execute(inner))?;
    let factors = diesel::delete(totp_factors::table.find(key));
    dispatch!(connection, inner => factors.execute(inner))?;
    let keys = passkeys::table.filter(passkeys::account_id.eq(key));
    dispatch!(connection, inner => diesel::delete(keys).execute(inner))?;
    let codes = diesel::delete(backup_codes::table.find(key));
    dispatch!(connection, inner => codes.execute(inner))?;
    challenge::end_of_account(connection, account)
}
