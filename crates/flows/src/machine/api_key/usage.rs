//! Uses of API keys: counted in memory, and written to the audit log once a minute.
//!
//! The counts are exact: a write that fails leaves them, and a node that stops writes them. Only a node that is
//! killed loses those of its last minute; the decisions that a key asked for are recorded for themselves.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_audit::{Actor, Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, ApiKeyId, Timestamp};

use super::{ApiKeyRefusal, ApiKeyStore};
use crate::StoreError;
use crate::effects::{Effects, event_now};

/// The uses of one key since the last write.
#[derive(Debug)]
pub(super) struct KeyUses {
    owner: AccountId,
    counts: Mutex<Vec<Count>>,
    /// Microseconds since 1970 of the latest accepted use; 0 for none.
    last_used_at: AtomicI64,
}

/// The uses with one outcome from one client.
#[derive(Clone, Copy, Debug)]
struct Count {
    outcome: Outcome,
    address: IpAddr,
    uses: u64,
}

/// The maximum of clients of a key that are told apart in a minute.
const MAX_CLIENTS: usize = 32;

/// The address under which further clients are counted together, and those whose address a service does not
/// tell.
const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

impl KeyUses {
    /// Counts one use.
    pub(super) fn count(
        &self,
        refusal: Option<ApiKeyRefusal>,
        client: Option<IpAddr>,
        now: Timestamp,
    ) {
        let outcome = match refusal {
            None => Some(Outcome::Success),
            Some(refusal) => refusal.outcome(),
        };
        if let Some(outcome) = outcome {
            self.add(Count { outcome, address: client.unwrap_or(OTHERS), uses: 1 });
        }
        if refusal.is_none() {
            self.last_used_at.fetch_max(now.as_micros(), Ordering::Relaxed);
        }
    }

    fn add(&self, more: Count) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |counts: &[Count], address| {
            let is_same = |count: &Count| count.outcome == more.outcome && count.address == address;
            counts.iter().position(is_same)
        };
        let is_full = counts.len() >= MAX_CLIENTS;
        let found = place(&counts, more.address)
            .or_else(|| is_full.then(|| place(&counts, OTHERS)).flatten());
        match found.and_then(|place| counts.get_mut(place)) {
            Some(count) => count.uses += more.uses,
            None if is_full => counts.push(Count { address: OTHERS, ..more }),
            None => counts.push(more),
        }
    }
}

/// Uses of one key that are about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyUse {
    /// The key.
    pub key: ApiKeyId,
    /// Its owner.
    pub owner: AccountId,
    /// The outcome.
    pub outcome: Outcome,
    /// The client address; `::` for further clients, and for those whose address a service does not tell.
    pub address: IpAddr,
    /// The number of uses with this outcome.
    pub uses: u64,
}

/// The uses of all keys of this node.
pub struct ApiKeyUses {
    store: Arc<dyn ApiKeyStore>,
    ambient: Ambient,
    keys: Mutex<HashMap<ApiKeyId, Arc<KeyUses>>>,
}

impl ApiKeyUses {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn ApiKeyStore>, ambient: Ambient) -> Self {
        Self { store, ambient, keys: Mutex::default() }
    }

    /// The counts of a key.
    pub(super) fn of(&self, key: ApiKeyId, owner: AccountId) -> Arc<KeyUses> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = keys.entry(key).or_insert_with(|| {
            let last_used_at = AtomicI64::new(0);
            Arc::new(KeyUses { owner, counts: Mutex::default(), last_used_at })
        });
        Arc::clone(uses)
    }

    /// Writes the uses since the last call: an event for each key, outcome and client, and the time of the
    /// latest use. Returns the number of events.
    ///
    /// # Errors
    ///
    /// If the database fails. The uses are written by the next call.
    pub fn write(&self) -> Result<u64, StoreError> {
        let mut uses = Vec::new();
        let mut times = Vec::new();
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, counted| {
            let before = uses.len();
            let mut counts = counted.counts.lock().unwrap_or_else(PoisonError::into_inner);
            for Count { outcome, address, uses: number } in counts.drain(..) {
                let (key, owner) = (*key, counted.owner);
                uses.push(ApiKeyUse { key, owner, outcome, address, uses: number });
            }
            drop(counts);
            let last = counted.last_used_at.swap(0, Ordering::Relaxed);
            if last > 0 {
                times.push((*key, Timestamp::from_micros(last)));
            }
            // A key that was not used, and that nobody has at hand, needs no place.
            uses.len() > before || Arc::strong_count(counted) > 1
        });
        if uses.is_empty() {
            return Ok(0);
        }
        let events = uses.iter().map(|it| self.event(it)).collect();
        let written =
            self.store.record_api_key_uses(&times, Effects { events, messages: Vec::new() });
        if let Err(error) = written {
            self.restore(&uses, &times);
            return Err(error);
        }
        Ok(u64::try_from(uses.len()).unwrap_or(u64::MAX))
    }

    /// Counts again what was not written.
    fn restore(&self, uses: &[ApiKeyUse], times: &[(ApiKeyId, Timestamp)]) {
        for ApiKeyUse { key, owner, outcome, address, uses } in uses {
            let counted = self.of(*key, *owner);
            counted.add(Count { outcome: *outcome, address: *address, uses: *uses });
            let last = times.iter().find(|(used, _)| used == key);
            if let Some((_, last)) = last {
                counted.last_used_at.fetch_max(last.as_micros(), Ordering::Relaxed);
            }
        }
    }

    fn event(&self, it: &ApiKeyUse) -> SecurityEvent {
        let origin = Origin { address: it.address, user_agent: None, request_id: None };
        event_now(EventKind::ApiKeyUsed, it.outcome, &origin, &self.ambient)
            .about(it.owner)
            .by(Actor::Account(it.owner))
            .with(Details::ApiKeyUse { key: it.key, uses: it.uses })
    }
}
