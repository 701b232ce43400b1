//! The two SQL types that differ between the databases: identifiers and points in time.
//!
//! An identifier is a `uuid` in PostgreSQL and a 16-byte blob in SQLite. A point in time is a
//! `timestamptz` in PostgreSQL, and microseconds since 1970 in SQLite. Identifiers sort in the
//! order of creation, points in time in the order of time.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{SqlOrd, SqlType};
use diesel::sqlite::{Sqlite, SqliteValue};
use portcullis_domain::{
    AccountId, ApiKeyId, EmailChangeId, EventId, InvitationId, MessageId, PasskeyId,
    RegistrationId, SessionId, Timestamp, TokenId,
};
use uuid::Uuid;

/// The SQL type of identifiers.
#[derive(Clone, Copy, Debug, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Id;

/// The SQL type of points in time.
#[derive(Clone, Copy, Debug, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Utc;

impl SqlOrd for Id {}

impl SqlOrd for Utc {}

/// An identifier as Rust writes and reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Id)]
pub(crate) struct Key(Uuid);

impl Key {
    /// The last four bytes, the most random ones of any identifier.
    pub(crate) fn tail(self) -> u32 {
        let [.., a, b, c, d] = self.0.into_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

macro_rules! key {
    ($($id:ident),*) => {$(
        impl From<$id> for Key {
            fn from(id: $id) -> Self {
                Self(*id.as_uuid())
            }
        }

        impl From<Key> for $id {
            fn from(key: Key) -> Self {
                Self::from_uuid(key.0)
            }
        }
    )*};
}

key!(
    AccountId,
    ApiKeyId,
    EmailChangeId,
    PasskeyId,
    EventId,
    InvitationId,
    MessageId,
    RegistrationId,
    SessionId,
    TokenId
);

impl ToSql<Id, Pg> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Pg> for Key {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<Id, Sqlite> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Sqlite> for Key {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

/// A point in time as Rust writes and reads it, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Utc)]
pub(crate) struct Instant(i64);

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_micros())
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        Self::from_micros(instant.0)
    }
}

/// The epoch of PostgreSQL, 2000-01-01, in microseconds since 1970.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The range of PostgreSQL, 4714 BC to the year 294276, in microseconds of its own epoch. It
/// refuses other times, and callers may filter by any time.
const POSTGRES_RANGE: (i64, i64) = (-211_813_488_000_000_000, 9_223_371_331_199_999_999);

impl ToSql<Utc, Pg> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let (earliest, latest) = POSTGRES_RANGE;
        let micros = self.0.saturating_sub(POSTGRES_EPOCH_MICROS).clamp(earliest, latest);
        out.write_all(&micros.to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Utc, Pg> for Instant {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = i64::from_be_bytes(value.as_bytes().try_into()?);
        Ok(Self(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
    }
}

impl ToSql<Utc, Sqlite> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(IsNull::No)
    }
}

impl FromSql<Utc, Sqlite> for Instant {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_long()))
    }
}

/// Converts a number into the 63 bits that both databases store.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a stored number; a negative one, which this crate never writes, reads as 0.
pub(crate) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
