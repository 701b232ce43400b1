//! `Store`: a `Database` with the audit keys. It implements all ports and appends effects last.

use std::ops::Deref;
use std::sync::Arc;

use portcullis_audit::AuditKeys;
use portcullis_domain::Clock;
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::database_pool::{DatabasePools, PoolState};
use portcullis_flows::node::health::HealthStore;

use crate::audit::event;
use crate::connection::Connection;
use crate::database::Database;
use crate::failure::Failure;
use crate::node::outbox;

/// The database with the keys of the audit log; implements all ports.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    keys: Arc<AuditKeys>,
}

impl Store {
    /// Creates a store on this database.
    pub fn new(database: Database, keys: Arc<AuditKeys>) -> Self {
        Self { database, keys }
    }

    /// Returns the same store with this clock for its transactions, for tests.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Self {
        Self { database: self.database.timed_by(clock), ..self }
    }

    /// Runs one transaction, and appends the effects of its result as the last step.
    pub(crate) fn write_recorded<V>(
        &self,
        effects: EffectsOf<'_, V>,
        body: impl FnOnce(&mut Connection) -> Result<V, Failure>,
    ) -> Result<V, StoreError> {
        self.write_with(|connection| {
            let verdict = body(connection)?;
            let effects = effects(&verdict);
            Ok((verdict, effects))
        })
    }

    /// Runs one transaction that returns its effects, and appends them as the last step.
    ///
    /// Messages are appended first and events last. So the lock on an audit chain is taken after
    /// all other locks, and its holder waits for no other transaction.
    pub(crate) fn write_with<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<(T, Effects), Failure>,
    ) -> Result<T, StoreError> {
        self.write(|connection| {
            let (value, Effects { events, messages }) = body(connection)?;
            outbox::append(connection, &messages)?;
            event::append(connection, &self.keys, &events)?;
            Ok(value)
        })
    }
}

impl Deref for Store {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl DatabasePools for Store {
    fn pools(&self) -> Vec<PoolState> {
        self.database.pools()
    }

    fn failed_waits(&self) -> u64 {
        self.database.failed_waits()
    }
}

impl HealthStore for Store {
    fn ping(&self) -> Result<(), StoreError> {
        self.database.ping()
    }

    fn try_write(&self) -> Result<(), StoreError> {
        self.database.try_write()
    }
}
