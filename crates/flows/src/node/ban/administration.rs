//! Bans by operators: impose, lift, list. The server may be running or stopped.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::Ambient;
use portcullis_rate_limit::{AddressPrefix, BanPolicy};

use super::exemptions::BanExemptions;
use super::store::{Ban, BanPage, BanStore, Imposed, NewBan, StartResult};
use super::{BanSettings, Bans, MAX_BANS, details};
use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::principal::Principal;

/// The maximum length of a reason, in bytes.
pub const MAX_REASON: usize = 256;

/// Imposes, lifts and lists bans.
pub struct BanAdministration {
    store: Arc<dyn BanStore>,
    policy: BanPolicy,
    exemptions: BanExemptions,
    /// Enforces the changes on this node; `None` for the command line.
    node: Option<Arc<Bans>>,
    ambient: Ambient,
}

/// The reason why a ban is not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BanError {
    /// The addresses are this machine, a trusted proxy, or in an exempt network.
    #[error("{0} is or contains an address that is never banned")]
    Exempt(AddressPrefix),
    /// The principal has one of the addresses.
    #[error("{0} contains the address of this request")]
    OwnAddress(AddressPrefix),
    /// The duration or the reason is out of bounds.
    #[error("a ban takes 1 second to {} days, and its reason at most {MAX_REASON} bytes", MAX_DURATION.as_secs() / 86_400)]
    OutOfBounds,
    /// The addresses are not banned.
    #[error("{0} is not banned")]
    NotBanned(AddressPrefix),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BanAdministration {
    /// The maximum duration of a ban that an operator imposes.
    pub const MAX_DURATION: Duration = MAX_DURATION;

    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn BanStore>,
        settings: BanSettings,
        node: Option<Arc<Bans>>,
        ambient: Ambient,
    ) -> Self {
        let BanSettings { policy, exemptions, .. } = settings;
        Self { store, policy, exemptions, node, ambient }
    }

    /// Bans addresses for this time from now on, in place of any present ban.
    pub fn impose(
        &self,
        principal: &Principal,
        addresses: AddressPrefix,
        duration: Duration,
        reason: &str,
    ) -> Result<Ban, BanError> {
        if duration < MIN_DURATION || duration > MAX_DURATION || reason.len() > MAX_REASON {
            return Err(BanError::OutOfBounds);
        }
        if self.exemptions.meet(addresses) {
            return Err(BanError::Exempt(addresses));
        }
        if AddressPrefix::new(principal.origin.address) == addresses {
            return Err(BanError::OwnAddress(addresses));
        }
        let event =
            event_now(EventKind::BanStarted, Outcome::Success, &principal.origin, &self.ambient)
                .by(principal.actor);
        let effects = |result: &StartResult| {
            event.clone().with(details(&result.ban, result.ban.duration(), None)).into()
        };
        let imposed = Imposed { duration, by: principal.actor, reason };
        let result = self.store.start_ban(&NewBan {
            addresses,
            age: &|| Duration::ZERO,
            policy: &self.policy,
            imposed: Some(imposed),
            max_bans: MAX_BANS,
            effects: &effects,
        })?;
        self.enforce();
        Ok(result.ban)
    }

    /// Ends a ban and forgets the former ones of these addresses.
    pub fn lift(&self, principal: &Principal, addresses: AddressPrefix) -> Result<Ban, BanError> {
        if let Some(node) = &self.node {
            // A ban of this node that waits for the database is lifted too.
            node.synchronize()?;
        }
        let event =
            event_now(EventKind::BanLifted, Outcome::Success, &principal.origin, &self.ambient)
                .by(principal.actor);
        let now = event.at;
        let effects = |lifted: &Option<Ban>| match lifted {
            Some(ban) => event.clone().with(details(ban, ban.remaining(now), None)).into(),
            None => Effects::default(),
        };
        let lifted = self.store.lift_ban(addresses, &effects)?;
        let lifted = lifted.ok_or(BanError::NotBanned(addresses))?;
        self.enforce();
        Ok(lifted)
    }

    /// At most `most` bans in force, in a fixed order.
    pub fn list(&self, after: Option<AddressPrefix>, most: u32) -> Result<BanPage, StoreError> {
        self.store.list_bans(after, most)
    }

    fn enforce(&self) {
        if let Some(node) = &self.node {
            node.changed();
        }
    }
}

const MIN_DURATION: Duration = Duration::from_secs(1);

const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);
