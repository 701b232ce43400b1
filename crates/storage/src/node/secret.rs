//! `FingerprintStore`: the fingerprint of the secret key, table `secret_fingerprint`.

use diesel::prelude::*;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::secret::FingerprintStore;
use portcullis_token::Digest;

use crate::connection::dispatch;
use crate::database::Database;
use crate::failure::Failure;
use crate::migration::has_table;
use crate::schema::secret_fingerprint;
use crate::sql_type::Instant;
use crate::store::Store;

/// The id of the only row of the table.
const ROW: i32 = 1;

impl Database {
    /// Returns the fingerprint of the secret key that the data was written with; `None` before the
    /// first start, and before the table exists.
    pub fn fingerprint(&self) -> Result<Option<Digest>, StoreError> {
        let query = secret_fingerprint::table.find(ROW).select(secret_fingerprint::fingerprint);
        self.read(|connection| {
            if !has_table(connection, "secret_fingerprint")? {
                return Ok(None);
            }
            let found: Option<Vec<u8>> =
                dispatch!(connection, inner => query.first(inner).optional())?;
            let corrupt = Failure::Corrupt { table: "secret_fingerprint", column: "fingerprint" };
            found.map(|bytes| Digest::try_from(&*bytes)).transpose().map_err(|_| corrupt)
        })
    }
}

impl FingerprintStore for Store {
    fn fingerprint(&self) -> Result<Option<Digest>, StoreError> {
        Database::fingerprint(self)
    }

    fn replace_fingerprint(
        &self,
        before: Option<&Digest>,
        after: &Digest,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<bool, StoreError> {
        let row = (
            secret_fingerprint::id.eq(ROW),
            secret_fingerprint::fingerprint.eq(after.as_bytes().as_slice()),
            secret_fingerprint::noted_at.eq(Instant::from(at)),
        );
        self.write_with(|connection| {
            let changed = match before {
                None => {
                    let insert = diesel::insert_into(secret_fingerprint::table).values(row);
                    dispatch!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?
                }
                Some(before) => {
                    let before = before.as_bytes().as_slice();
                    let known = secret_fingerprint::table
                        .find(ROW)
                        .filter(secret_fingerprint::fingerprint.eq(before));
                    let (_, fingerprint, noted_at) = row;
                    let update = diesel::update(known).set((fingerprint, noted_at));
                    dispatch!(connection, inner => update.execute(inner))?
                }
            };
            let is_done = changed == 1;
            Ok((is_done, effects.only_if(is_done && before.is_some())))
        })
    }
}
