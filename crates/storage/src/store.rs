use std::ops::Deref;
use std::sync::Arc;

use portcullis_audit::AuditKeys;
use portcullis_domain::Clock;
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::health::HealthStore;

use crate::audit::event;
use crate::connection::Connection;
use crate::database::Database;
use crate::failure::Failure;
use crate::node::outbox;

/// The database behind all ports, with the keys that its audit trail is sealed with.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    keys: Arc<AuditKeys>,
}

impl Store {
    /// A store in this database.
    pub fn new(database: Database, keys: Arc<AuditKeys>) -> Self {
        Self { database, keys }
    }

    /// The same store whose transactions take their time from this clock, as tests want it.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Self {
        Self { database: self.database.timed_by(clock), ..self }
    }

    /// Runs one transaction whose verdict causes something: these effects are appended as its last
    /// step.
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

    /// Runs one transaction that answers what it causes; that is appended as its last step.
    ///
    /// The messages come first and the events last. So the lock on a chain is taken when all other
    /// locks are held, and whoever has it waits for nobody.
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

impl HealthStore for Store {
    fn ping(&self) -> Result<(), StoreError> {
        self.database.ping()
    }

    fn try_write(&self) -> Result<(), StoreError> {
        self.database.try_write()
    }
}
