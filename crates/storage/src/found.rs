use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use portcullis_audit::{ChainId, Link};

/// A column of the audit trail as it is found. What is no value of its type any more reads as the
/// default: the row must reach the verifier, where its seal no longer fits it.
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

/// A chain as it is found. The server makes none with a negative id.
pub(crate) fn chain(id: i64) -> ChainId {
    ChainId::from_i64(id).unwrap_or_else(nowhere)
}

/// A place in a chain as it is found. One before the first is no place: the entry is said to be in a
/// chain that nobody has opened, where it stands out.
pub(crate) fn place(chain: i64, sequence: i64) -> (ChainId, u64) {
    match (ChainId::from_i64(chain), u64::try_from(sequence)) {
        (Some(chain), Ok(sequence @ 1..)) => (chain, sequence),
        _ => (nowhere(), 1),
    }
}

/// A link as it is found.
pub(crate) fn link(bytes: Vec<u8>) -> Link {
    Link::from_bytes(bytes.try_into().unwrap_or_default())
}

/// The last chain of all.
#[expect(clippy::expect_used, reason = "every number that is not negative is an id")]
fn nowhere() -> ChainId {
    ChainId::from_i64(i64::MAX).expect("the number is not negative")
}
