//! Counters of the mails that strangers caused, table `mail_allowances`.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};
use portcullis_flows::identity::mail_limit::{MailAllowance, WindowBegin};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::mail_allowances;
use crate::sql_type::{Instant, Utc};

/// Counts a mail for each of these limits, up to the first one that is reached; returns false if one is.
///
/// The limits before that one have counted a mail that is not sent, so no limit is ever exceeded.
pub(crate) fn take_all(
    connection: &mut Connection,
    allowances: &[MailAllowance],
) -> Result<bool, Failure> {
    for allowance in allowances {
        if !take(connection, allowance)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Counts a mail in one conditional statement; returns false if the limit of the window is reached.
///
/// A window that ends later than one that starts now comes from a wrong clock, and is over.
pub(crate) fn take(
    connection: &mut Connection,
    allowance: &MailAllowance,
) -> Result<bool, Failure> {
    use diesel::query_dsl::methods::FilterDsl;

    let now = connection.now()?;
    let (now, end) = (Instant::from(now), Instant::from(now + allowance.limit.window));
    let is_over =
        mail_allowances::window_ends_at.le(now).or(mail_allowances::window_ends_at.gt(end));
    let moves = allowance.limit.begins == WindowBegin::LastMail;
    let most = i32::try_from(allowance.limit.most).unwrap_or(i32::MAX);
    let count = diesel::insert_into(mail_allowances::table)
        .values((
            mail_allowances::counter.eq(allowance.counter.as_bytes().as_slice()),
            mail_allowances::mails.eq(1),
            mail_allowances::window_ends_at.eq(end),
        ))
        .on_conflict(mail_allowances::counter)
        .do_update()
        .set((
            mail_allowances::mails
                .eq(case_when(is_over, 1.into_sql::<Integer>())
                    .otherwise(mail_allowances::mails + 1)),
            mail_allowances::window_ends_at.eq(case_when(
                is_over.or(moves.into_sql::<Bool>()),
                end.into_sql::<Utc>(),
            )
            .otherwise(mail_allowances::window_ends_at)),
        ))
        .filter(is_over.or(mail_allowances::mails.lt(most)));
    Ok(dispatch!(connection, inner => count.execute(inner))? == 1)
}
