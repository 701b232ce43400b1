//! `StepUpStore`: a second factor inside a session, table `sessions`.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::Session;
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::step_up::{StepUpAttempt, StepUpResult, StepUpStore};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::sessions;
use crate::sign_in::authentication;
use crate::sign_in::factor;
use crate::sign_in::lockout;
use crate::sign_in::replacement;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl StepUpStore for Store {
    fn step_up(&self, attempt: &StepUpAttempt<'_>) -> Result<StepUpResult, StoreError> {
        self.write_recorded(attempt.effects, |connection| step_up(connection, attempt))
    }
}

fn step_up(
    connection: &mut Connection,
    attempt: &StepUpAttempt<'_>,
) -> Result<StepUpResult, Failure> {
    let (account, session) = (attempt.account, attempt.session);
    sign_out::lock_account(connection, account)?;
    let now = connection.now()?;
    let Some(current) = replacement::lock_current(connection, account, session, now)? else {
        return Ok(StepUpResult::SessionEnded);
    };
    if !lockout::is_open(connection, &attempt.counter.key)? {
        return Ok(StepUpResult::Refused(Outcome::Locked));
    }
    let Some(factor) = factor::accept(connection, account, attempt.proof)? else {
        lockout::count_failure(connection, attempt.counter, attempt.policy)?;
        return Ok(StepUpResult::Refused(Outcome::WrongCode));
    };
    lockout::forget_failures(connection, &attempt.counter.key)?;
    let before = Session::try_from(&current.session)?;
    let authentication = (attempt.authentication)(before.authentication.clone());
    let update = diesel::update(sessions::table.find(Key::from(session))).set((
        sessions::amr.eq(authentication::amr(&authentication)),
        sessions::acr.eq(authentication.assurance.as_str()),
        sessions::proven_at.eq(Some(Instant::from(now))),
    ));
    dispatch!(connection, inner => update.execute(inner))?;
    let session = Session { authentication, proven_at: now, ..before };
    let snapshot = account::find_snapshot(connection, account)?
        .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
    let (snapshot, session) = (Box::new(snapshot), Box::new(session));
    Ok(StepUpResult::Done { snapshot, session, factor, at: now })
}
