//! Challenges of sign-ins, table `sign_in_challenges`.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::{Account, AccountId, DisplayName, MessageId};
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::sign_in::{
    ChallengeResult, ChallengeUse, MAX_CHALLENGE_TRIES, MailedCode, NewChallenge, OpenChallenge,
    SessionOpening, SessionOpeningResult,
};
use portcullis_token::Digest;

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::identity::account::{self, AccountRow};
use crate::identity::mail_allowance;
use crate::node::mail_secret;
use crate::schema::{accounts, sign_in_challenges};
use crate::sign_in::epoch;
use crate::sign_in::lockout;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};

/// Stores a challenge, unless the account is deactivated or has another password.
pub(crate) fn insert(
    connection: &mut Connection,
    new: &NewChallenge<'_>,
) -> Result<ChallengeResult, Failure> {
    let valid = accounts::table
        .find(Key::from(new.account))
        .filter(accounts::is_active.and(diesel::dsl::not(accounts::is_blocked)))
        .filter(accounts::password_hash.eq(new.proof.hash.as_str()))
        .select(accounts::id);
    let valid: Option<Key> = match &mut connection.inner {
        Inner::Postgres(inner) => valid.for_no_key_update().first(inner).optional()?,
        Inner::Sqlite(inner) => valid.first(inner).optional()?,
    };
    if valid.is_none() {
        return Ok(ChallengeResult::Refused(Outcome::Superseded));
    }
    let is_limited = match &new.mailed_code {
        Some(code) => !mail_allowance::take_all(connection, &code.allowances)?,
        None => false,
    };
    let message = new.mailed_code.as_ref().map(|code| Key::from(code.message));
    let expires_at = connection.now()? + new.lifetime;
    let insert = diesel::insert_into(sign_in_challenges::table).values((
        sign_in_challenges::token.eq(new.token.as_bytes().as_slice()),
        sign_in_challenges::binding
            .eq(new.binding.as_ref().map(|binding| binding.as_bytes().as_slice())),
        sign_in_challenges::account_id.eq(Key::from(new.account)),
        sign_in_challenges::password_epoch.eq(epoch::stored(new.epoch)),
        sign_in_challenges::delivery.eq(new.delivery.as_str()),
        sign_in_challenges::device_name.eq(new.device_name.map(DisplayName::as_str)),
        sign_in_challenges::address.eq(new.address.to_string()),
        sign_in_challenges::tries.eq(0),
        sign_in_challenges::expires_at.eq(Instant::from(expires_at)),
        sign_in_challenges::message_id.eq(message),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(if is_limited { ChallengeResult::Limited } else { ChallengeResult::Issued })
}

/// Finds a challenge that has not expired.
pub(crate) fn find(
    connection: &mut Connection,
    token: &Digest,
) -> Result<Option<OpenChallenge>, Failure> {
    let now = Instant::from(connection.now()?);
    let open = sign_in_challenges::table
        .inner_join(accounts::table.on(accounts::id.eq(sign_in_challenges::account_id)))
        .filter(sign_in_challenges::token.eq(token.as_bytes().as_slice()))
        .filter(sign_in_challenges::expires_at.gt(now));
    let found: Option<(AccountRow, i32, ChallengeRow)> = dispatch!(connection, inner => {
        let row = (AccountRow::as_select(), accounts::factor_epoch, ChallengeRow::as_select());
        open.select(row).first(inner).optional()
    })?;
    let Some((account, factor_epoch, challenge)) = found else { return Ok(None) };
    let corrupt = |column| Failure::Corrupt { table: "sign_in_challenges", column };
    let address = challenge.address.as_deref().map(str::parse).transpose();
    Ok(Some(OpenChallenge {
        account: Account::try_from(account)?,
        epoch: epoch::read(challenge.password_epoch)?,
        factor_epoch: epoch::read_factors(factor_epoch)?,
        delivery: challenge.delivery.parse().map_err(|_| corrupt("delivery"))?,
        device_name: challenge.device_name.as_deref().and_then(account::shown),
        address: address.map_err(|_| corrupt("address"))?,
        message: challenge.message_id.map(MessageId::from),
    }))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sign_in_challenges)]
struct ChallengeRow {
    password_epoch: i32,
    delivery: String,
    device_name: Option<String>,
    address: Option<String>,
    message_id: Option<Key>,
}

/// Counts a try of the challenge, and returns the refusal if it has none left or is void, or if the counter of
/// codes is closed: then no code is evaluated, spent or counted. Locks the row of the account first, so that
/// all tries at it are sequential.
pub(crate) fn take_try(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
    answered: &ChallengeUse<'_>,
) -> Result<Option<SessionOpeningResult>, Failure> {
    let account = opening.session.account_id;
    sign_out::lock_account(connection, account)?;
    let holder = accounts::table
        .find(Key::from(account))
        .filter(accounts::is_active.and(diesel::dsl::not(accounts::is_blocked)))
        .select(accounts::password_epoch);
    let epoch: Option<i32> = dispatch!(connection, inner => holder.first(inner).optional())?;
    let Some(epoch) = epoch else { return Ok(Some(SessionOpeningResult::ChallengeOver)) };
    let now = Instant::from(connection.now()?);
    let binding = answered.binding.as_ref().map(|binding| binding.as_bytes().as_slice());
    let open = sign_in_challenges::table
        .find(answered.token.as_bytes().as_slice())
        .filter(sign_in_challenges::account_id.eq(Key::from(account)))
        .filter(sign_in_challenges::password_epoch.eq(epoch))
        .filter(sign_in_challenges::binding.is_null().or(sign_in_challenges::binding.eq(binding)))
        .filter(sign_in_challenges::tries.lt(max_tries()))
        .filter(sign_in_challenges::expires_at.gt(now));
    let count =
        diesel::update(open).set(sign_in_challenges::tries.eq(sign_in_challenges::tries + 1));
    if dispatch!(connection, inner => count.execute(inner))? == 0 {
        return Ok(Some(SessionOpeningResult::ChallengeOver));
    }
    let Some(counter) = answered.counter else { return Ok(None) };
    let is_open = lockout::is_open(connection, &counter.key)?;
    Ok((!is_open).then_some(SessionOpeningResult::Refused(Outcome::Locked)))
}

fn max_tries() -> i32 {
    i32::try_from(MAX_CHALLENGE_TRIES).unwrap_or(i32::MAX)
}

/// Returns whether the code of this mail could complete a sign-in: its challenge has neither expired nor
/// ended, has a try left, and is that of the present password of an account without a second factor.
pub(crate) fn awaits_code(
    connection: &mut Connection,
    account: AccountId,
    message: MessageId,
) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    let open = sign_in_challenges::table
        .inner_join(accounts::table.on(accounts::id.eq(sign_in_challenges::account_id)))
        .filter(sign_in_challenges::account_id.eq(Key::from(account)))
        .filter(sign_in_challenges::message_id.eq(Key::from(message)))
        .filter(sign_in_challenges::password_epoch.eq(accounts::password_epoch))
        .filter(sign_in_challenges::tries.lt(max_tries()))
        .filter(sign_in_challenges::expires_at.gt(now))
        .filter(accounts::is_active)
        .filter(diesel::dsl::not(accounts::is_blocked.or(accounts::mfa_enabled)));
    let look = diesel::select(diesel::dsl::exists(open));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Spends the code of a mail, if the typed one is that code.
pub(crate) fn accept_code(
    connection: &mut Connection,
    account: AccountId,
    code: &MailedCode,
) -> Result<bool, Failure> {
    const PURPOSE: SecretPurpose = SecretPurpose::SignInCode;
    let Some(digest) = &code.digest else { return Ok(false) };
    let own = SecretSubject::Message { message: code.message, account };
    let held = mail_secret::hold(connection, PURPOSE, digest)?;
    // That of another sign-in stays.
    if held.is_none_or(|held| held.subject != own) {
        return Ok(false);
    }
    Ok(mail_secret::redeem(connection, PURPOSE, digest)?.is_some())
}

/// Ends the challenges of an account that is deactivated.
pub(crate) fn end_of_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<(), Failure> {
    let all =
        sign_in_challenges::table.filter(sign_in_challenges::account_id.eq(Key::from(account)));
    dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(())
}

/// Ends a challenge after its answer.
pub(crate) fn end(connection: &mut Connection, token: &Digest) -> Result<(), Failure> {
    let answered = sign_in_challenges::table.find(token.as_bytes().as_slice());
    dispatch!(connection, inner => diesel::delete(answered).execute(inner))?;
    Ok(())
}
