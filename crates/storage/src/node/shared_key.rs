//! The record of the HS256 shared secrets, table `shared_keys`, with its last event in
//! `security_events`.

use diesel::prelude::*;
use portcullis_audit::EventKind;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::signing_key::{SharedChange, SharedRecord};

use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::schema::{security_events, shared_keys};
use crate::sql_type::Instant;
use crate::store::Store;

/// The id of the only row of the table.
const ROW: i32 = 1;

/// The kinds of the events that are written with each change of the record.
const STEPS: [&str; 3] = [
    EventKind::SharedSecretReplaced.as_str(),
    EventKind::SharedSecretRestored.as_str(),
    EventKind::SharedSecretEnded.as_str(),
];

impl Store {
    pub(crate) fn read_shared_keys(&self) -> Result<SharedRecord, StoreError> {
        self.read(record)
    }

    pub(crate) fn write_shared_keys(
        &self,
        next: &mut dyn FnMut(&SharedRecord) -> Option<SharedChange>,
    ) -> Result<(), StoreError> {
        self.write_with(|connection| {
            Lock::SigningKeys.take(connection)?;
            let record = record(connection)?;
            let Some(SharedChange { sealed, effects }) = next(&record) else {
                return Ok(((), Effects::default()));
            };
            let sealed = shared_keys::sealed.eq(sealed);
            let replace = diesel::insert_into(shared_keys::table)
                .values((shared_keys::id.eq(ROW), sealed.clone()))
                .on_conflict(shared_keys::id)
                .do_update()
                .set(sealed);
            dispatch!(connection, inner => replace.execute(inner))?;
            Ok(((), effects))
        })
    }
}

fn record(connection: &mut Connection) -> Result<SharedRecord, Failure> {
    let sealed = shared_keys::table.find(ROW).select(shared_keys::sealed);
    let sealed = dispatch!(connection, inner => sealed.first(inner).optional())?;
    let latest = security_events::table
        .filter(security_events::kind.eq_any(STEPS))
        .order(security_events::at.desc())
        .select(security_events::at);
    let last_event: Option<Instant> =
        dispatch!(connection, inner => latest.first(inner).optional())?;
    let last_event = last_event.map(Timestamp::from);
    Ok(SharedRecord { sealed, last_event, now: connection.now()? })
}
