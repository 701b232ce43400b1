//! The port `BanStore`, and bans as the database has them.

use std::time::Duration;

use portcullis_audit::Actor;
use portcullis_domain::Timestamp;
use portcullis_rate_limit::{AddressPrefix, BanPolicy, FormerBan};

use crate::StoreError;
use crate::effects::EffectsOf;

/// The port of bans. Each change is one transaction, and one node at a time makes one. Times are those
/// of the database.
pub trait BanStore: Send + Sync {
    /// Starts a ban. An offender that is banned already stays banned as it is; an imposed ban replaces
    /// any other. With more than `max_bans` rows, those with the earliest end are deleted.
    fn start_ban(&self, new: &NewBan<'_>) -> Result<StartResult, StoreError>;

    /// Ends the ban of these addresses and forgets the former ones; `None` if they are not banned.
    fn lift_ban(
        &self,
        addresses: AddressPrefix,
        effects: EffectsOf<'_, Option<Ban>>,
    ) -> Result<Option<Ban>, StoreError>;

    /// The bans in force, unless this is the present revision.
    fn read_bans(&self, known: Option<u64>) -> Result<BanReading, StoreError>;

    /// At most `most` bans in force, in the order of their addresses as text.
    fn list_bans(&self, after: Option<AddressPrefix>, most: u32) -> Result<BanPage, StoreError>;
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The banned addresses.
    pub addresses: AddressPrefix,
    /// The start.
    pub started_at: Timestamp,
    /// The end.
    pub ends_at: Timestamp,
    /// The number of former bans that are remembered.
    pub former_bans: u32,
    /// The actor that imposed it; `None` for a ban by offences.
    pub imposed_by: Option<Actor>,
    /// The words of that actor.
    pub reason: Option<String>,
}

impl Ban {
    /// The time to its end, never more than its whole duration.
    ///
    /// A clock that goes back prolongs no ban beyond twice its duration. If the start is further ahead
    /// than the duration, the clock was wrong at the start, and the ban is over.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        let duration = self.duration();
        if self.started_at.since(now) > duration {
            return Duration::ZERO;
        }
        self.ends_at.since(now).min(duration)
    }

    /// Its whole duration.
    pub fn duration(&self) -> Duration {
        self.ends_at.since(self.started_at)
    }

    /// As the policy needs it for the next ban.
    pub fn as_former(&self) -> FormerBan {
        FormerBan { former_bans: self.former_bans, ends_at: self.ends_at }
    }
}

/// A ban about to start.
pub struct NewBan<'a> {
    /// The addresses.
    pub addresses: AddressPrefix,
    /// The time since its start on this node, computed in the transaction.
    pub age: &'a dyn Fn() -> Duration,
    /// Computes the number of former bans, and the duration of a ban that is not imposed.
    pub policy: &'a BanPolicy,
    /// Duration, actor and reason of a ban that an operator imposes.
    pub imposed: Option<Imposed<'a>>,
    /// The maximum number of rows.
    pub max_bans: u32,
    /// The effects to record.
    pub effects: EffectsOf<'a, StartResult>,
}

/// What an operator decides.
#[derive(Clone, Copy, Debug)]
pub struct Imposed<'a> {
    /// The duration.
    pub duration: Duration,
    /// The actor.
    pub by: Actor,
    /// The words of the actor.
    pub reason: &'a str,
}

/// The result of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartResult {
    /// The ban in force.
    pub ban: Ban,
    /// True if this transaction started it.
    pub is_new: bool,
}

/// The bans in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanReading {
    /// The time of the database.
    pub at: Timestamp,
    /// The number of the last change.
    pub revision: u64,
    /// The bans; `None` if the revision is the known one.
    pub bans: Option<Vec<Ban>>,
}

/// A page of bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanPage {
    /// The time of the database.
    pub at: Timestamp,
    /// The bans.
    pub bans: Vec<Ban>,
    /// The addresses after which the next page begins; `None` for the last page.
    pub next: Option<AddressPrefix>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_step_of_the_clock_neither_keeps_a_ban_for_years_nor_lengthens_what_is_left() {
        let started_at = Timestamp::from_seconds(1_800_000_000);
        let ban = Ban {
            addresses: "192.0.2.1".parse().unwrap(),
            started_at,
            ends_at: started_at + 10 * MINUTE,
            former_bans: 0,
            imposed_by: None,
            reason: None,
        };
        assert_eq!(ban.remaining(started_at), 10 * MINUTE);
        assert_eq!(ban.remaining(started_at + 3 * MINUTE), 7 * MINUTE);
        assert_eq!(ban.remaining(started_at + 10 * MINUTE), Duration::ZERO);
        assert_eq!(ban.remaining(started_at - 5 * MINUTE), 10 * MINUTE, "a small step back");
        assert_eq!(ban.remaining(started_at - 10_000 * MINUTE), Duration::ZERO, "a wrong clock");
    }
}
