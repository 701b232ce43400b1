//! `RestoreStore`: what a restored database may not bring back. The rule is in `flows`, `node/restore.rs`.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use portcullis_audit::EventKind;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::restore::{RestoreStore, Voided, Voiding};
use portcullis_mfa::TotpStep;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::node::revocation;
use crate::schema::{
    api_keys, backup_codes, email_changes, invitations, mail_secrets, outbox, passkey_challenges,
    pending_registrations, revocation_feed, revocations, sessions, setup, sign_in_challenges,
    signing_keys, totp_enrolments, totp_factors,
};
use crate::sql_type::{Instant, Utc, bigint};
use crate::store::Store;

impl RestoreStore for Store {
    fn void_restored(
        &self,
        voiding: Voiding,
        effects: EffectsOf<'_, Voided>,
    ) -> Result<Voided, StoreError> {
        self.write_recorded(effects, |connection| void(connection, voiding))
    }
}

/// Deletes all rows of a table and returns their number.
macro_rules! delete_all {
    ($connection:expr, $table:expr) => {{
        let delete = diesel::delete($table);
        let count = dispatch!($connection, inner => delete.execute(inner))?;
        number(count)
    }};
}

/// Voids in the transaction that has begun.
pub(crate) fn void(connection: &mut Connection, voiding: Voiding) -> Result<Voided, Failure> {
    let now = connection.now()?;
    let mut voided = Voided {
        sessions: end_sessions(connection, now)?,
        signing_keys: retire_keys(connection, now)?,
        ..Voided::default()
    };
    refuse_access_tokens(connection, now)?;
    refuse_used_codes(connection, now)?;
    for links in [
        delete_all!(connection, mail_secrets::table),
        delete_all!(connection, pending_registrations::table),
        delete_all!(connection, invitations::table),
        delete_all!(connection, email_changes::table),
    ] {
        voided.links = voided.links.saturating_add(links);
    }
    let waiting =
        outbox::table.filter(outbox::delivered_at.is_null()).filter(outbox::dead_at.is_null());
    voided.mails = delete_all!(connection, waiting);
    delete_all!(connection, sign_in_challenges::table);
    delete_all!(connection, passkey_challenges::table);
    delete_all!(connection, totp_enrolments::table);
    let withdraw = diesel::update(setup::table).set(setup::token_digest.eq(None::<Vec<u8>>));
    dispatch!(connection, inner => withdraw.execute(inner))?;
    if !voiding.keeps_credentials {
        voided.api_keys = delete_all!(connection, api_keys::table);
        voided.backup_codes = delete_all!(connection, backup_codes::table);
    }
    Ok(voided)
}

/// Ends the live sessions. Services that follow the revocations learn it from the feed.
fn end_sessions(connection: &mut Connection, now: Timestamp) -> Result<u64, Failure> {
    let until = Instant::from(revocation::until(connection, now)?);
    let live = || sessions::table.filter(sessions::ended_at.is_null());
    let revoked = live().select((
        "session".into_sql::<Text>(),
        sessions::id,
        None::<Instant>.into_sql::<Nullable<Utc>>(),
        until.into_sql::<Utc>(),
        Instant::from(now).into_sql::<Utc>(),
    ));
    let revoke = revoked.insert_into(revocations::table).into_columns((
        revocations::kind,
        revocations::target,
        revocations::issued_before,
        revocations::until,
        revocations::recorded_at,
    ));
    dispatch!(connection, inner => revoke.execute(inner))?;
    let end = diesel::update(live()).set((
        sessions::ended_at.eq(Some(Instant::from(now))),
        sessions::end_reason.eq(Some(EventKind::DatabaseRestored.as_str())),
    ));
    Ok(number(dispatch!(connection, inner => end.execute(inner))?))
}

/// Retires every key pair. The next start makes a new one.
fn retire_keys(connection: &mut Connection, now: Timestamp) -> Result<u64, Failure> {
    let living = signing_keys::table.filter(signing_keys::retired_at.is_null());
    let retire = diesel::update(living).set((
        signing_keys::retired_at.eq(Some(Instant::from(now))),
        signing_keys::sealed.eq([].as_slice()),
    ));
    Ok(number(dispatch!(connection, inner => retire.execute(inner))?))
}

/// Refuses every access token that was issued before the next second: also those of sessions that the backup does
/// not know, under a shared secret that stays the same. A token has the whole second of its issue.
fn refuse_access_tokens(connection: &mut Connection, now: Timestamp) -> Result<(), Failure> {
    const SECOND: i64 = 1_000_000;
    let next = (now.as_micros().div_euclid(SECOND)).saturating_add(1).saturating_mul(SECOND);
    let next = Instant::from(Timestamp::from_micros(next));
    let refuse =
        diesel::update(revocation_feed::table).set(revocation_feed::issued_from.eq(Some(next)));
    dispatch!(connection, inner => refuse.execute(inner))?;
    Ok(())
}

/// Refuses the codes of authenticator apps that may have been used since the backup: those of the present step, and
/// of one beside it.
fn refuse_used_codes(connection: &mut Connection, now: Timestamp) -> Result<(), Failure> {
    let step = bigint(TotpStep::at(now).number().saturating_add(1));
    let earlier = totp_factors::table.filter(totp_factors::last_step.lt(step));
    let refuse = diesel::update(earlier).set(totp_factors::last_step.eq(step));
    dispatch!(connection, inner => refuse.execute(inner))?;
    Ok(())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
