//! History of an account, and the facts that a new sign-in shows against it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_audit::{RiskFacts, Travel};
use portcullis_domain::{NetworkPrefix, Timestamp, canonical_address};

use super::bad_addresses::BadAddresses;
use super::position::{PositionSource, kilometres_between};

/// The number of earlier sign-ins from which there is a habit of hours.
pub const HABIT_SIGN_INS: usize = 10;

/// The maximum number of sign-ins that the habit of hours is computed from: habits change.
const MAX_HABIT_SIGN_INS: usize = 100;

/// The successful sign-ins of an account before this one; the caller bounds their number.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The latest ones, for the habit of hours and for travel.
    sign_ins: Vec<PastSignIn>,
    networks: BTreeSet<NetworkPrefix>,
    has_signed_in: bool,
}

impl History {
    /// Takes the sign-ins that are still stored, the latest first. `has_signed_in` is true if the account has ever
    /// signed in, even if none of its sign-ins is stored any more.
    pub fn new(mut sign_ins: Vec<PastSignIn>, has_signed_in: bool) -> Self {
        let networks = sign_ins.iter().map(|past| NetworkPrefix::of(past.address)).collect();
        sign_ins.truncate(MAX_HABIT_SIGN_INS);
        Self { sign_ins, networks, has_signed_in }
    }
}

/// A successful sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSignIn {
    /// The time.
    pub at: Timestamp,
    /// The client address.
    pub address: IpAddr,
}

/// A sign-in whose first proof is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The time.
    pub at: Timestamp,
    /// The client address.
    pub address: IpAddr,
    /// True if the device cookie is valid for the account and its present password.
    pub known_device: bool,
}

/// The failures before an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    /// The recent failures of unknown devices for the account.
    pub account: u32,
    /// The failures from the [`NetworkPrefix`] of the client in the last hour, for any name.
    pub network: u32,
    /// The distinct names among them.
    pub network_names: u32,
}

/// The files that an operator may configure.
#[derive(Clone, Copy, Default)]
pub struct RiskSources<'s> {
    /// The bad addresses.
    pub bad_addresses: Option<&'s BadAddresses>,
    /// The positions of addresses.
    pub positions: Option<&'s dyn PositionSource>,
}

/// Returns the facts of an attempt.
pub fn facts(
    history: &History,
    attempt: &Attempt,
    failures: FailureCounts,
    sources: RiskSources<'_>,
) -> RiskFacts {
    let sign_ins = &history.sign_ins;
    RiskFacts {
        known_device: attempt.known_device,
        known_network: history.networks.contains(&NetworkPrefix::of(attempt.address)),
        // A history that is gone is no first sign-in: everything is unknown to the account then.
        earlier_sign_ins: u32::try_from(sign_ins.len())
            .unwrap_or(u32::MAX)
            .max(u32::from(history.has_signed_in)),
        account_failures: failures.account,
        network_failures: failures.network,
        network_names: failures.network_names,
        usual_hour_permille: usual_hour_permille(sign_ins, attempt.at),
        travel: sources.positions.and_then(|positions| travel(sign_ins, attempt, positions)),
        listed_address: sources.bad_addresses.is_some_and(|list| list.contains(attempt.address)),
    }
}

/// The share of sign-ins at most about an hour of the day apart on the same kind of day, in thousandths.
fn usual_hour_permille(sign_ins: &[PastSignIn], now: Timestamp) -> Option<u16> {
    if sign_ins.len() < HABIT_SIGN_INS {
        return None;
    }
    let hour = hour(now);
    let neighbours = [hour.saturating_sub(1), hour, hour.saturating_add(1)].map(slot);
    let near =
        sign_ins.iter().filter(|past| neighbours.contains(&slot(self::hour(past.at)))).count();
    u16::try_from(near.saturating_mul(1_000) / sign_ins.len()).ok()
}

/// The hours since 1970-01-01T00:00:00Z, a Thursday.
const fn hour(at: Timestamp) -> i64 {
    at.as_seconds().div_euclid(60 * 60)
}

/// The hour of the day (UTC), and whether the day is a Saturday or a Sunday.
const fn slot(hour: i64) -> (i64, bool) {
    let day_since_thursday = hour.div_euclid(24).rem_euclid(7);
    (hour.rem_euclid(24), matches!(day_since_thursday, 2 | 3))
}

/// The way from the latest sign-in. One that is later than the attempt, because a clock was set back, has
/// no known duration and does not count.
fn travel(
    sign_ins: &[PastSignIn],
    attempt: &Attempt,
    positions: &dyn PositionSource,
) -> Option<Travel> {
    let earlier = sign_ins.iter().filter(|past| past.at <= attempt.at);
    let latest = earlier.max_by_key(|past| past.at)?;
    let from = positions.position(canonical_address(latest.address))?;
    let to = positions.position(canonical_address(attempt.address))?;
    let radii = from.accuracy_km.saturating_add(to.accuracy_km);
    let minutes = attempt.at.since(latest.at).as_secs() / 60;
    Some(Travel {
        kilometres: kilometres_between(from, to).saturating_sub(radii),
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::position::Position;
    use super::*;

    /// 2027-01-15T08:00:00Z, a Friday.
    const FRIDAY_8: Timestamp = Timestamp::from_seconds(1_800_000_000);

    const HOUR: Duration = Duration::from_secs(60 * 60);

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    struct TwoCities;

    /// 192.0.2.0/24 is in Berlin, 198.51.100.0/24 in New York.
    impl PositionSource for TwoCities {
        fn position(&self, address: IpAddr) -> Option<Position> {
            let IpAddr::V4(v4) = address else { return None };
            let (latitude, longitude, accuracy_km) = match v4.octets() {
                [192, 0, 2, _] => (52.52, 13.405, 20),
                [198, 51, 100, _] => (40.712_8, -74.006, 50),
                _ => return None,
            };
            Some(Position { latitude, longitude, accuracy_km })
        }
    }

    fn past(at: Timestamp, address: &str) -> PastSignIn {
        PastSignIn { at, address: address.parse().unwrap() }
    }

    fn attempt(at: Timestamp, address: &str) -> Attempt {
        Attempt { at, address: address.parse().unwrap(), known_device: false }
    }

    fn facts_of(sign_ins: Vec<PastSignIn>, attempt: &Attempt) -> RiskFacts {
        let sources = RiskSources { bad_addresses: None, positions: Some(&TwoCities) };
        facts(&History::new(sign_ins, false), attempt, FailureCounts::default(), sources)
    }

    #[test]
    fn a_neighbour_is_on_a_known_network_and_counts_are_kept() {
        let list = BadAddresses::parse(b"192.0.2.9").unwrap();
        let sources = RiskSources { bad_addresses: Some(&list), positions: None };
        let history = History::new(vec![past(FRIDAY_8, "192.0.2.7")], false);
        let failures = FailureCounts { account: 1, network: 2, network_names: 3 };
        let known = Attempt { known_device: true, ..attempt(FRIDAY_8, "::ffff:192.0.2.9") };
        let expected = RiskFacts {
            known_device: true,
            known_network: true,
            earlier_sign_ins: 1,
            account_failures: 1,
            network_failures: 2,
            network_names: 3,
            usual_hour_permille: None,
            travel: None,
            listed_address: true,
        };
        assert_eq!(facts(&history, &known, failures, sources), expected);
        let other = attempt(FRIDAY_8, "192.0.3.9");
        let found = facts(&history, &other, FailureCounts::default(), sources);
        assert_eq!(found, RiskFacts { earlier_sign_ins: 1, ..RiskFacts::default() });
    }

    #[test]
    fn a_network_is_known_longer_than_a_habit_of_hours() {
        let mut sign_ins = vec![past(FRIDAY_8, "192.0.2.7"); 100];
        sign_ins.push(past(FRIDAY_8 - 5 * HOUR, "192.0.3.7"));
        let found = facts_of(sign_ins, &attempt(FRIDAY_8 - 5 * HOUR, "192.0.3.9"));
        assert!(found.known_network);
        assert_eq!((found.earlier_sign_ins, found.usual_hour_permille), (100, Some(0)));
    }

    fn share(past_at: Timestamp, at: Timestamp) -> Option<u16> {
        usual_hour_permille(&[past(past_at, "192.0.2.7"); 10], at)
    }

    #[test]
    fn an_hour_is_usual_within_an_hour_on_the_same_kind_of_day() {
        for (at, expected) in [
            (FRIDAY_8, 1_000),
            (FRIDAY_8 + HOUR + HOUR - Duration::from_secs(1), 1_000),
            (FRIDAY_8 + HOUR + HOUR, 0),
            (FRIDAY_8 - HOUR, 1_000),
            (FRIDAY_8 - HOUR - Duration::from_secs(1), 0),
            (FRIDAY_8 + DAY, 0),
            (FRIDAY_8 + 2 * DAY, 0),
            (FRIDAY_8 + 3 * DAY, 1_000),
            (FRIDAY_8 + 6 * DAY, 1_000),
        ] {
            assert_eq!(share(FRIDAY_8, at), Some(expected), "{at}");
        }
        let before_midnight = FRIDAY_8 + 15 * HOUR;
        assert_eq!(share(before_midnight, before_midnight + HOUR), Some(1_000), "0:00 on Saturday");
        assert_eq!(share(before_midnight, before_midnight + 25 * HOUR), Some(0), "0:00 on Sunday");
        let saturday = FRIDAY_8 + DAY;
        assert_eq!(share(saturday, saturday + DAY), Some(1_000), "Sunday is like Saturday");
    }

    #[test]
    fn fewer_than_ten_sign_ins_are_no_habit() {
        let sign_ins = [past(FRIDAY_8, "192.0.2.7"); 10];
        assert_eq!(usual_hour_permille(&sign_ins[..9], FRIDAY_8), None);
        let mut sign_ins = vec![past(FRIDAY_8 + 5 * HOUR, "192.0.2.7"); 99];
        sign_ins.push(past(FRIDAY_8, "192.0.2.7"));
        assert_eq!(usual_hour_permille(&sign_ins, FRIDAY_8), Some(10));
        sign_ins.push(past(FRIDAY_8 + 5 * HOUR, "192.0.2.7"));
        assert_eq!(usual_hour_permille(&sign_ins, FRIDAY_8), Some(9), "rounded down");
    }

    #[test]
    fn times_before_1970_and_at_the_ends_have_an_hour_too() {
        for micros in [i64::MIN, -1, i64::MAX] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(share(at, at), Some(1_000));
        }
    }

    #[test]
    fn travel_is_measured_from_the_latest_sign_in_less_both_radii() {
        let sign_ins =
            vec![past(FRIDAY_8, "::ffff:192.0.2.7"), past(FRIDAY_8 - DAY, "198.51.100.7")];
        let at = FRIDAY_8 + Duration::from_secs(119);
        let found = facts_of(sign_ins, &attempt(at, "64:ff9b::198.51.100.9")).travel.unwrap();
        assert_eq!(found, Travel { kilometres: 6_385 - 70, minutes: 1 });
        let near = facts_of(vec![past(FRIDAY_8, "192.0.2.7")], &attempt(at, "192.0.2.8"));
        assert_eq!(near.travel, Some(Travel { kilometres: 0, minutes: 1 }));
    }

    #[test]
    fn an_unknown_position_or_a_clock_set_back_gives_no_travel() {
        let berlin = past(FRIDAY_8, "192.0.2.7");
        let unknown = past(FRIDAY_8 + HOUR, "203.0.113.7");
        let there = attempt(FRIDAY_8 + DAY, "198.51.100.9");
        assert_eq!(facts_of(vec![berlin, unknown], &there).travel, None);
        let elsewhere = attempt(FRIDAY_8 + DAY, "203.0.113.7");
        assert_eq!(facts_of(vec![berlin], &elsewhere).travel, None);
        let back = attempt(FRIDAY_8 - HOUR, "198.51.100.9");
        assert_eq!(facts_of(vec![berlin], &back).travel, None);
        assert_eq!(facts_of(vec![], &there).travel, None);
        let at_once = attempt(FRIDAY_8, "198.51.100.9");
        assert_eq!(facts_of(vec![berlin], &at_once).travel.map(|travel| travel.minutes), Some(0));
    }
}
