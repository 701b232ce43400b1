//! Bans of client addresses that ignore refusals, and of those that an operator names.
//!
//! A node counts the offences of its own clients: see [`OffenceCounter`]. The ban holds on the node at
//! once, also while the database is unavailable, and for the first duration of the policy. The job of
//! the bans writes it to the database, which decides: it knows the former bans, and whether another
//! node was faster. The job also reads the bans of all nodes, so they hold everywhere within a second,
//! survive a restart, and end at the time of the database.
//!
//! Everything is bounded: the counters by the memory of the limiter, the bans that wait for the
//! database by their number, and those in the database by [`MAX_BANS`].

mod active;
mod administration;
mod exemptions;
mod store;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome};
use portcullis_domain::{Ambient, Timestamp};
pub use portcullis_rate_limit::AddressPrefix;
use portcullis_rate_limit::{BanPolicy, LocalLimiter, OffenceCounter, QuotaError};

use self::active::{ActiveBans, PendingBan};
pub use self::administration::{BanAdministration, BanError, MAX_REASON};
pub use self::exemptions::BanExemptions;
pub use self::store::{Ban, BanPage, BanReading, BanStore, Imposed, NewBan, StartResult};
use crate::StoreError;
use crate::effects::{Effects, event_now};

/// The maximum number of bans in the database, ended ones included. Then the one with the earliest end
/// makes room.
pub const MAX_BANS: u32 = 10_000;

/// The configuration of the bans of a node.
#[derive(Clone, Debug)]
pub struct BanSettings {
    /// True if offenders are banned. Bans that an operator imposes hold in any case.
    pub is_automatic: bool,
    /// The numbers.
    pub policy: BanPolicy,
    /// The addresses that are never banned.
    pub exemptions: BanExemptions,
}

/// Tells the other nodes that the bans in the database have changed. It must not block.
pub type Announce = Box<dyn Fn() + Send + Sync>;

/// The bans of a node.
pub struct Bans {
    store: Arc<dyn BanStore>,
    ambient: Ambient,
    limiter: Arc<LocalLimiter>,
    settings: BanSettings,
    /// `None` if offenders are not banned.
    counter: Option<OffenceCounter>,
    announce: Announce,
    active: ActiveBans,
    /// One thread at a time writes and reads.
    last_reading: Mutex<Option<LastReading>>,
    started: AtomicU64,
    refused: AtomicU64,
}

#[derive(Clone, Copy)]
struct LastReading {
    revision: u64,
    /// The time of the database.
    at: Timestamp,
    /// The time on the monotonic clock of this node.
    read_at: Duration,
}

impl Bans {
    /// The bans of a node, which knows none yet. Offences are counted in the memory of the limiter.
    ///
    /// # Errors
    ///
    /// If the numbers of the policy make no quota.
    pub fn new(
        store: Arc<dyn BanStore>,
        ambient: Ambient,
        limiter: Arc<LocalLimiter>,
        settings: BanSettings,
        announce: Announce,
    ) -> Result<Self, QuotaError> {
        let counter = OffenceCounter::new(&settings.policy)?;
        Ok(Self {
            store,
            ambient,
            limiter,
            counter: settings.is_automatic.then_some(counter),
            settings,
            announce,
            active: ActiveBans::default(),
            last_reading: Mutex::default(),
            started: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// The time to the end of the ban of this address; the request is then counted as refused.
    pub fn refuse(&self, address: IpAddr) -> Option<Duration> {
        let left = self.time_left(address)?;
        self.refused.fetch_add(1, Ordering::Relaxed);
        Some(left)
    }

    /// Notes that a request of this address was refused by a rate limit with this `Retry-After`, in
    /// seconds. Returns whether a ban has started and nobody writes it to the database yet.
    pub fn note_refusal(&self, address: IpAddr, retry_after: u64) -> bool {
        let Some(counter) = &self.counter else { return false };
        if self.settings.exemptions.cover(address) {
            return false;
        }
        let (addresses, now) = (AddressPrefix::new(address), self.now());
        if !counter.refused(&self.limiter, now, addresses, retry_after)
            || self.time_left(address).is_some()
        {
            return false;
        }
        let until = now + self.settings.policy.first;
        let ban = PendingBan { addresses, offender: address, since: now, until, is_stored: false };
        let waiting = self.active.add(ban);
        if waiting.is_none() {
            tracing::warn!(%addresses, "no ban: too many wait for the database");
        }
        waiting == Some(1)
    }

    /// Writes the new bans of this node to the database, and reads the bans of all nodes.
    ///
    /// # Errors
    ///
    /// If the database fails. What is not written yet is written by the next call.
    pub fn synchronize(&self) -> Result<(), StoreError> {
        let mut last = self.last_reading.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.active.waiting();
        let written = waiting.iter().try_for_each(|ban| self.write(ban));
        if !waiting.is_empty() {
            (self.announce)();
        }
        written?;
        *last = Some(self.read(*last)?);
        Ok(())
    }

    /// Reads the bans after a change by an operator, and tells the other nodes.
    pub(crate) fn changed(&self) {
        (self.announce)();
        if let Err(error) = self.synchronize() {
            tracing::warn!(%error, "the bans are read again within a second");
        }
    }

    /// The number of bans in force on this node.
    pub fn active(&self) -> usize {
        self.active.count(self.now())
    }

    /// The number of bans that the offences of clients of this node have started.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// The number of refused requests.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn time_left(&self, address: IpAddr) -> Option<Duration> {
        let left = self.active.time_left(address, self.now())?;
        // A neighbour in the same network may be exempt, and so may an address that was not exempt
        // when the ban started.
        (!self.settings.exemptions.cover(address)).then_some(left)
    }

    fn write(&self, ban: &PendingBan) -> Result<(), StoreError> {
        let policy = &self.settings.policy;
        let origin = Origin { address: ban.offender, user_agent: None, request_id: None };
        let event = event_now(EventKind::BanStarted, Outcome::Success, &origin, &self.ambient);
        let effects = |result: &StartResult| {
            let details = details(&result.ban, result.ban.duration(), Some(policy.offences));
            Effects::from(event.clone().with(details)).only_if(result.is_new)
        };
        let StartResult { ban: stored, is_new } = self.store.start_ban(&NewBan {
            addresses: ban.addresses,
            age: &|| self.now().saturating_sub(ban.since),
            policy,
            imposed: None,
            max_bans: MAX_BANS,
            effects: &effects,
        })?;
        self.active.set_stored(ban);
        if is_new {
            self.started.fetch_add(1, Ordering::Relaxed);
            let (addresses, seconds) = (stored.addresses, stored.duration().as_secs());
            let former = stored.former_bans;
            tracing::warn!(%addresses, seconds, former, "banned: it ignores the rate limits");
        }
        Ok(())
    }

    fn read(&self, last: Option<LastReading>) -> Result<LastReading, StoreError> {
        let read_at = self.now();
        let mut reading = self.store.read_bans(last.map(|last| last.revision))?;
        if reading.bans.is_none() && last.is_some_and(|last| last.is_stepped(&reading, read_at)) {
            reading = self.store.read_bans(None)?;
        }
        let BanReading { at, revision, bans } = reading;
        match bans {
            Some(bans) => {
                let end = |ban: &Ban| (ban.addresses, read_at + ban.remaining(at));
                self.active.replace(bans.iter().map(end).collect());
            }
            None => self.active.forget_stored(),
        }
        Ok(LastReading { revision, at, read_at })
    }

    fn now(&self) -> Duration {
        self.ambient.clock.monotonic()
    }
}

impl LastReading {
    /// True if the clock of the database was moved since then: the ends of all bans are other ones.
    fn is_stepped(&self, reading: &BanReading, read_at: Duration) -> bool {
        let passed = read_at.saturating_sub(self.read_at);
        let expected = self.at + passed;
        reading.at.since(expected).max(expected.since(reading.at)) > MAX_STEP
    }
}

/// A larger difference between the clock of the database and the monotonic clock of the node is a step.
const MAX_STEP: Duration = Duration::from_secs(1);

/// The details of a ban for the audit log.
pub(crate) fn details(ban: &Ban, duration: Duration, offences: Option<u32>) -> Details {
    Details::Ban {
        address: ban.addresses.first_address(),
        prefix_length: ban.addresses.prefix_len(),
        seconds: duration.as_secs(),
        offences,
        former_bans: ban.former_bans,
    }
}

impl std::fmt::Debug for Bans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bans").field("settings", &self.settings).finish_non_exhaustive()
    }
}
