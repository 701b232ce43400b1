//! `UnlockStore`: deletes failure counters, table `sign_in_failures`.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::unlock::UnlockStore;
use portcullis_token::Digest;

use crate::connection::dispatch;
use crate::schema::sign_in_failures;
use crate::store::Store;

impl UnlockStore for Store {
    fn unlock(&self, counters: &[Digest], effects: &Effects) -> Result<(), StoreError> {
        self.write_with(|connection| {
            for counter in counters {
                let open =
                    diesel::delete(sign_in_failures::table.find(counter.as_bytes().as_slice()));
                dispatch!(connection, inner => open.execute(inner))?;
            }
            Ok(((), effects.clone()))
        })
    }
}
