//! Restore: what an older state of the database would bring back is void.
//!
//! After the backup users may have signed out, used links and codes, and revoked keys; a restored database knows
//! nothing of it. So the restore ends all sessions and access tokens, and deletes everything that is valid once. An
//! event records it. What cannot be decided here, such as a password that was changed since, is in the documentation
//! for operators.

use std::sync::Arc;

use portcullis_audit::{Actor, Details, EventKind, Origin, Outcome};
use portcullis_domain::{Ambient, Timestamp};

use super::backup::{BackupError, Header, Manifest};
use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};

/// The port of the restore.
pub trait RestoreStore: Send + Sync {
    /// Voids what the restored state may not bring back.
    fn void_restored(
        &self,
        voiding: Voiding,
        effects: EffectsOf<'_, Voided>,
    ) -> Result<Voided, StoreError>;
}

/// The limits of voiding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voiding {
    /// True if API keys and backup codes stay valid, because none was revoked or used since the backup.
    pub keeps_credentials: bool,
}

/// The number of voided things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voided {
    /// Live sessions.
    pub sessions: u64,
    /// API keys.
    pub api_keys: u64,
    /// Accounts whose backup codes were deleted.
    pub backup_codes: u64,
    /// Links and codes that were mailed, with their registrations, invitations and changes of an address.
    pub links: u64,
    /// Mails that were not sent yet.
    pub mails: u64,
    /// Key pairs that signed access tokens.
    pub signing_keys: u64,
}

/// The reason why a backup was not restored. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database holds data.
    #[error("the database is not empty")]
    NotEmpty,
    /// A server or another command uses the database.
    #[error("the database is in use")]
    InUse,
    /// The database has migrations that this version does not know.
    #[error("a newer version of Portcullis has migrated the {0}")]
    Newer(&'static str),
}

impl From<std::io::Error> for RestoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Backup(error.into())
    }
}

/// Voids the state of a backup, and records its restore.
pub struct Restoration {
    voiding: Voiding,
    ambient: Ambient,
    origin: Origin,
    made_at: Timestamp,
    checkpoint: Option<u64>,
}

impl Restoration {
    /// Creates the use case for this backup.
    pub fn new(
        header: &Header,
        manifest: &Manifest,
        voiding: Voiding,
        origin: Origin,
        ambient: Ambient,
    ) -> Self {
        let (made_at, checkpoint) = (header.made_at(), manifest.checkpoint);
        Self { voiding, ambient, origin, made_at, checkpoint }
    }

    /// Voids the state in a database that holds it already, but that no server uses yet.
    pub fn void(&self, store: &Arc<impl RestoreStore>) -> Result<Voided, StoreError> {
        store.void_restored(self.voiding, &|voided| self.effects(voided))
    }

    /// The limits of voiding, for a store that voids in the transaction of the restore.
    pub const fn voiding(&self) -> Voiding {
        self.voiding
    }

    /// The event of the restore.
    pub fn effects(&self, voided: &Voided) -> Effects {
        let kind = EventKind::DatabaseRestored;
        event_now(kind, Outcome::Success, &self.origin, &self.ambient)
            .by(Actor::Operator)
            .with(Details::Restore {
                backup_made_at: self.made_at,
                checkpoint: self.checkpoint,
                sessions_ended: voided.sessions,
                api_keys_revoked: voided.api_keys,
            })
            .into()
    }
}
