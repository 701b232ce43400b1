//! Columns of the audit log that may be damaged: an invalid value reads as a default, so that the
//! row reaches the verifier instead of an error.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use portcullis_audit::{ChainId, Link};

/// A column of the audit log, not validated. An invalid value reads as the default: the row must
/// reach the verifier, where the seal no longer fits the row.
#[derive(Debug, FromSqlRow)]
pub(crate) struct OrDefault<T>(pub(crate) T);

impl<T, ST, DB> FromSql<ST, DB> for OrDefault<T>
where
    T: FromSql<ST, DB> + Default,
    DB: Backend,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(T::from_sql(value).unwrap_or_default()))
    }

    fn from_nullable_sql(value: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        Ok(Self(T::from_nullable_sql(value).unwrap_or_default()))
    }
}

/// Reads the id of a chain. A negative id, which the server never writes, reads as the last chain.
pub(crate) fn chain(id: i64) -> ChainId {
    ChainId::from_i64(id).unwrap_or_else(nowhere)
}

/// Reads a place in a chain. An invalid place, such as a sequence before the first, reads as one in
/// the last chain, which does not exist: verification reports it there.
pub(crate) fn place(chain: i64, sequence: i64) -> (ChainId, u64) {
    match (ChainId::from_i64(chain), u64::try_from(sequence)) {
        (Some(chain), Ok(sequence @ 1..)) => (chain, sequence),
        _ => (nowhere(), 1),
    }
}

/// Reads a link; one of another length reads as zeros.
pub(crate) fn link(bytes: Vec<u8>) -> Link {
    Link::from_bytes(bytes.try_into().unwrap_or_default())
}

/// The last possible chain, which the server never opens.
#[expect(clippy::expect_used, reason = "every number that is not negative is an id")]
fn nowhere() -> ChainId {
    ChainId::from_i64(i64::MAX).expect("the number is not negative")
}
