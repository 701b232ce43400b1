use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::event::SecurityEvent;
use portcullis_flows::unlock::UnlockStore;
use portcullis_token::Digest;

use crate::connection::dispatch;
use crate::event;
use crate::schema::sign_in_failures;
use crate::store::Store;

impl UnlockStore for Store {
    fn unlock(&self, budgets: &[Digest], event: &SecurityEvent) -> Result<(), StoreError> {
        self.write(|connection| {
            for budget in budgets {
                let open =
                    diesel::delete(sign_in_failures::table.find(budget.as_bytes().as_slice()));
                dispatch!(connection, inner => open.execute(inner))?;
            }
            event::record(connection, event)
        })
    }
}
