//! Sign-ins by time and outcome.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use portcullis_flows::audit::sign_in_statistics::SignInCell;

use super::span::Span;
use crate::connection::{Connection, DialectSql, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::sign_in_hours;
use crate::sql_type::{Instant, Utc, natural};

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = sign_in_hours)]
struct CellRow {
    #[diesel(sql_type = Utc)]
    hour_at: Instant,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    without_account: i64,
}

impl From<CellRow> for SignInCell {
    fn from(row: CellRow) -> Self {
        Self {
            at: row.hour_at.into(),
            outcome: row.outcome,
            events: natural(row.events),
            without_account: natural(row.without_account),
        }
    }
}

/// The counted cells of whole hours.
pub(super) fn of_hours(
    connection: &mut Connection,
    hours: Option<Span>,
) -> Result<Vec<SignInCell>, Failure> {
    let Some(hours) = hours else { return Ok(Vec::new()) };
    let counted = sign_in_hours::table
        .filter(sign_in_hours::hour_at.ge(Instant::from(hours.from)))
        .filter(sign_in_hours::hour_at.lt(Instant::from(hours.until)));
    let rows: Vec<CellRow> =
        dispatch!(connection, inner => counted.select(CellRow::as_select()).load(inner))?;
    Ok(rows.into_iter().map(SignInCell::from).collect())
}

/// The cells of a part of the period by minute, counted from the events.
pub(super) fn of_part(
    connection: &mut Connection,
    part: Option<Span>,
) -> Result<Vec<SignInCell>, Failure> {
    let Some(part) = part else { return Ok(Vec::new()) };
    let sql = match connection.inner {
        Inner::Postgres(_) => BY_MINUTE.postgres,
        Inner::Sqlite(_) => BY_MINUTE.sqlite,
    };
    let query = diesel::sql_query(sql)
        .bind::<Utc, _>(Instant::from(part.from))
        .bind::<Utc, _>(Instant::from(part.until));
    let rows: Vec<CellRow> = dispatch!(connection, inner => query.load(inner))?;
    Ok(rows.into_iter().map(SignInCell::from).collect())
}

const BY_MINUTE: DialectSql = DialectSql {
    postgres: "SELECT date_bin('1 minute', at, 'epoch'::timestamptz) AS hour_at, outcome, count(*) AS events,
            count(*) - count(subject) AS without_account
        FROM security_events WHERE kind = 'sign_in' AND at >= $1 AND at < $2 GROUP BY 1, 2",
    sqlite: "SELECT at - at % 60000000 AS hour_at, outcome, count(*) AS events,
            count(*) - count(subject) AS without_account
        FROM security_events WHERE kind = 'sign_in' AND at >= ?1 AND at < ?2 GROUP BY 1, 2",
};
