//! Tests of the points, the sums and the thresholds.

use portcullis_audit::Travel;
use proptest::prelude::*;

use super::*;

/// A sign-in that shows no signal.
const USUAL: RiskFacts = RiskFacts {
    known_device: true,
    known_network: true,
    earlier_sign_ins: 50,
    account_failures: 0,
    network_failures: 0,
    network_names: 0,
    usual_hour_permille: Some(400),
    travel: None,
    listed_address: false,
};

/// The same from an unknown device, with its 20 points.
const STRANGER: RiskFacts = RiskFacts { known_device: false, ..USUAL };

fn assess(facts: &RiskFacts) -> RiskAssessment {
    RiskPolicy::default().assess(facts)
}

fn points(facts: &RiskFacts, signal: Signal) -> u32 {
    let found = assess(facts).signals.into_iter().find(|score| score.signal == signal);
    found.map_or(0, |score| score.points)
}

#[test]
fn the_usual_sign_in_has_no_points() {
    let expected = RiskAssessment { score: 0, outcome: RiskOutcome::Allowed, signals: Vec::new() };
    assert_eq!(assess(&USUAL), expected);
}

#[test]
fn device_network_hour_and_list_have_their_points() {
    let network = RiskFacts { known_network: false, ..USUAL };
    let hour = RiskFacts { usual_hour_permille: Some(9), ..USUAL };
    let listed = RiskFacts { listed_address: true, ..USUAL };
    for (facts, signal, points) in [
        (STRANGER, Signal::NewDevice, 20),
        (network, Signal::NewNetwork, 25),
        (hour, Signal::UnusualHour, 15),
        (listed, Signal::ListedAddress, 25),
    ] {
        let expected = RiskAssessment {
            score: points,
            outcome: RiskOutcome::Allowed,
            signals: vec![SignalScore { signal, points }],
        };
        assert_eq!(assess(&facts), expected);
    }
    for share in [None, Some(10), Some(1_000)] {
        let facts = RiskFacts { usual_hour_permille: share, ..USUAL };
        assert_eq!(points(&facts, Signal::UnusualHour), 0, "{share:?}");
    }
}

#[test]
fn failures_have_points_beyond_the_free_ones_up_to_a_maximum() {
    let account = |account_failures| RiskFacts { account_failures, ..STRANGER };
    let network = |network_failures| RiskFacts { network_failures, ..STRANGER };
    let names = |network_names| RiskFacts { network_names, ..STRANGER };
    for (count, expected) in [(0, 0), (1, 2), (4, 8), (5, 10), (6, 10), (u32::MAX, 10)] {
        assert_eq!(points(&account(count), Signal::AccountFailures), expected, "{count}");
    }
    for (count, expected) in [(30, 0), (31, 1), (49, 19), (50, 20), (51, 20), (u32::MAX, 20)] {
        assert_eq!(points(&network(count), Signal::NetworkFailures), expected, "{count}");
    }
    for (count, expected) in [(20, 0), (21, 2), (39, 38), (40, 40), (41, 40), (u32::MAX, 40)] {
        assert_eq!(points(&names(count), Signal::CredentialStuffing), expected, "{count}");
    }
}

#[test]
fn travel_is_impossible_beyond_1000_km_an_hour_and_100_km() {
    let by = |kilometres, minutes| RiskFacts {
        travel: Some(Travel { kilometres, minutes }),
        ..STRANGER
    };
    for (kilometres, minutes, expected) in [
        (1_000, 60, 0),
        (1_001, 60, 30),
        (1_000, 59, 30),
        (100, 0, 0),
        (101, 0, 30),
        (101, 6, 30),
        (101, 7, 0),
        (u32::MAX, u32::MAX, 0),
        (u32::MAX, 0, 30),
    ] {
        let found = points(&by(kilometres, minutes), Signal::ImpossibleTravel);
        assert_eq!(found, expected, "{kilometres} km in {minutes} min");
    }
}

/// Every fact at its worst.
const WORST: RiskFacts = RiskFacts {
    known_device: false,
    known_network: false,
    earlier_sign_ins: 50,
    account_failures: u32::MAX,
    network_failures: u32::MAX,
    network_names: u32::MAX,
    usual_hour_permille: Some(0),
    travel: Some(Travel { kilometres: u32::MAX, minutes: 0 }),
    listed_address: true,
};

#[test]
fn all_signals_are_listed_in_order_and_summed() {
    let found = assess(&WORST);
    let signals: Vec<_> = found.signals.iter().map(|score| score.signal).collect();
    assert_eq!(signals, Signal::ALL);
    assert_eq!((found.score, found.outcome), (185, RiskOutcome::Refused));
}

#[test]
fn signals_of_strangers_do_not_apply_to_a_known_device() {
    let found = assess(&RiskFacts { known_device: true, ..WORST });
    let signals: Vec<_> = found.signals.iter().map(|score| score.signal).collect();
    assert_eq!(signals, [Signal::NewNetwork, Signal::UnusualHour, Signal::ListedAddress]);
    assert_eq!((found.score, found.outcome), (65, RiskOutcome::Challenged));
}

#[test]
fn a_first_sign_in_has_no_signal_of_the_history() {
    let found = assess(&RiskFacts { earlier_sign_ins: 0, ..WORST });
    let signals: Vec<_> = found.signals.iter().map(|score| score.signal).collect();
    let expected = [
        Signal::AccountFailures,
        Signal::NetworkFailures,
        Signal::CredentialStuffing,
        Signal::ListedAddress,
    ];
    assert_eq!(signals, expected);
    let second = assess(&RiskFacts { earlier_sign_ins: 1, ..WORST });
    assert_eq!(second.signals.len(), 8);
}

#[test]
fn thresholds_are_reached_at_their_value() {
    let facts = RiskFacts { known_network: false, ..STRANGER };
    for (challenge_at, refuse_at, expected) in [
        (46, 46, RiskOutcome::Allowed),
        (45, 46, RiskOutcome::Challenged),
        (45, 45, RiskOutcome::Refused),
        (46, 45, RiskOutcome::Refused),
        (0, 100, RiskOutcome::Challenged),
    ] {
        let policy = RiskPolicy { challenge_at, refuse_at, ..RiskPolicy::default() };
        assert_eq!(policy.assess(&facts).outcome, expected, "{challenge_at} {refuse_at}");
    }
    let usual = RiskPolicy { challenge_at: 0, ..RiskPolicy::default() }.assess(&USUAL);
    assert_eq!(usual.outcome, RiskOutcome::Challenged, "zero challenges everybody");
}

#[test]
fn impossible_travel_challenges_and_never_refuses() {
    let travel = Some(Travel { kilometres: 9_000, minutes: 1 });
    let facts = RiskFacts { travel, ..STRANGER };
    let weights = RiskWeights { impossible_travel: u32::MAX, ..RiskWeights::default() };
    let policy = RiskPolicy { weights, ..RiskPolicy::default() };
    let found = policy.assess(&facts);
    assert_eq!((found.score, found.outcome), (u32::MAX, RiskOutcome::Challenged));
    assert_eq!(assess(&facts).outcome, RiskOutcome::Challenged, "with a new device");
}

#[test]
fn failures_of_a_known_network_challenge_and_never_refuse() {
    let ward = RiskFacts { known_network: true, listed_address: false, ..WORST };
    let found = assess(&RiskFacts { travel: None, ..ward });
    assert_eq!((found.score, found.outcome), (105, RiskOutcome::Challenged));
    let weights = RiskWeights { account_failures: COUNTED_100, ..RiskWeights::default() };
    let policy = RiskPolicy { weights, ..RiskPolicy::default() };
    assert_eq!(policy.assess(&ward).outcome, RiskOutcome::Refused, "those of the account do");
    for weights in [
        RiskWeights { network_failures: COUNTED_100, ..RiskWeights::default() },
        RiskWeights { network_names: COUNTED_100, ..RiskWeights::default() },
    ] {
        let policy = RiskPolicy { weights, ..RiskPolicy::default() };
        assert_eq!(policy.assess(&ward).outcome, RiskOutcome::Challenged);
        let elsewhere = RiskFacts { known_network: false, ..ward };
        assert_eq!(policy.assess(&elsewhere).outcome, RiskOutcome::Refused);
    }
}

const COUNTED_100: CountedWeight = CountedWeight { free: 0, each: 100, max: 100 };

#[test]
fn a_listed_address_alone_refuses_only_by_configuration() {
    let facts = RiskFacts { listed_address: true, ..USUAL };
    assert_eq!(assess(&facts).outcome, RiskOutcome::Allowed);
    let weights = RiskWeights { listed_address: 100, ..RiskWeights::default() };
    let policy = RiskPolicy { weights, ..RiskPolicy::default() };
    assert_eq!(policy.assess(&facts).outcome, RiskOutcome::Refused);
}

#[test]
fn an_honest_sign_in_is_refused_only_beside_failures_of_its_network() {
    let quiet = RiskFacts { network_failures: 30, network_names: 20, ..WORST };
    let found = assess(&quiet);
    assert_eq!((found.score, found.outcome), (125, RiskOutcome::Challenged));
    let stuffed = RiskFacts { listed_address: false, usual_hour_permille: None, ..WORST };
    let stuffed = RiskFacts { account_failures: 0, travel: None, ..stuffed };
    assert_eq!((assess(&stuffed).score, assess(&stuffed).outcome), (105, RiskOutcome::Refused));
}

#[test]
fn every_signal_has_a_word_and_a_sentence() {
    let facts = RiskFacts {
        account_failures: 3,
        network_failures: 80,
        network_names: 70,
        usual_hour_permille: Some(9),
        travel: Some(Travel { kilometres: 6_315, minutes: 42 }),
        ..WORST
    };
    let lines: Vec<_> =
        Signal::ALL.iter().map(|it| format!("{it}: {}", it.explain(&facts))).collect();
    let expected = [
        "new_device: the device has not signed in to this account before",
        "new_network: the account has not been signed in to from this network before",
        "unusual_hour: 0.9 % of 50 earlier sign-ins were at about this hour of the week",
        "account_failures: unknown devices failed to sign in to the account, recent failures: 3",
        "network_failures: sign-ins from this network failed in the last hour, failures: 80",
        "credential_stuffing: sign-ins from this network failed in the last hour for different names: 70",
        "impossible_travel: the latest sign-in was 42 minutes ago, at least 6315 km away",
        "listed_address: the address is on the list of bad addresses",
    ];
    assert_eq!(lines, expected);
    let none = Signal::ImpossibleTravel.explain(&USUAL);
    assert_eq!(none, "the latest sign-in was 0 minutes ago, at least 0 km away");
}

fn any_facts() -> impl Strategy<Value = RiskFacts> {
    let counts = (0..120_u32, 0..120_u32, 0..120_u32);
    let travel = prop::option::of((0..3_000_u32, 0..300_u32));
    let flags = any::<(bool, bool, bool)>();
    (flags, 0..3_u32, counts, prop::option::of(0..30_u16), travel).prop_map(
        |(
            (known_device, known_network, listed_address),
            earlier_sign_ins,
            counts,
            share,
            travel,
        )| {
            let (account_failures, network_failures, network_names) = counts;
            RiskFacts {
                known_device,
                known_network,
                earlier_sign_ins,
                account_failures,
                network_failures,
                network_names,
                usual_hour_permille: share,
                travel: travel.map(|(kilometres, minutes)| Travel { kilometres, minutes }),
                listed_address,
            }
        },
    )
}

fn any_policy() -> impl Strategy<Value = RiskPolicy> {
    let counted = || {
        let weight = (0..40_u32, prop_oneof![0..5_u32, Just(u32::MAX)], 0..60_u32);
        weight.prop_map(|(free, each, max)| CountedWeight { free, each, max })
    };
    let points = || prop_oneof![0..60_u32, Just(u32::MAX)];
    let single = (points(), points(), points(), points(), points());
    (single, (counted(), counted(), counted()), 0..30_u16, 0..120_u32, 0..120_u32).prop_map(
        |(single, counted, unusual_below_permille, challenge_at, refuse_at)| {
            let weights = RiskWeights {
                new_device: single.0,
                new_network: single.1,
                unusual_hour: single.2,
                impossible_travel: single.3,
                listed_address: single.4,
                unusual_below_permille,
                account_failures: counted.0,
                network_failures: counted.1,
                network_names: counted.2,
            };
            RiskPolicy { weights, challenge_at, refuse_at }
        },
    )
}

/// The same facts with one of them worse.
fn worse(facts: RiskFacts, fact: u8, by: u32) -> RiskFacts {
    let Travel { kilometres, minutes } =
        facts.travel.unwrap_or(Travel { kilometres: 0, minutes: u32::MAX });
    let share = facts.usual_hour_permille.unwrap_or(u16::MAX);
    match fact {
        0 => RiskFacts { known_device: false, ..facts },
        1 => RiskFacts { known_network: false, ..facts },
        2 => RiskFacts { listed_address: true, ..facts },
        3 => RiskFacts { account_failures: facts.account_failures.saturating_add(by), ..facts },
        4 => RiskFacts { network_failures: facts.network_failures.saturating_add(by), ..facts },
        5 => RiskFacts { network_names: facts.network_names.saturating_add(by), ..facts },
        6 => {
            let share = share.saturating_sub(u16::try_from(by).unwrap_or(u16::MAX));
            RiskFacts { usual_hour_permille: Some(share), ..facts }
        }
        7 => {
            let kilometres = kilometres.saturating_add(by);
            RiskFacts { travel: Some(Travel { kilometres, minutes }), ..facts }
        }
        _ => {
            let minutes = minutes.saturating_sub(by);
            RiskFacts { travel: Some(Travel { kilometres, minutes }), ..facts }
        }
    }
}

proptest! {
    #[test]
    fn a_worse_fact_never_lowers_score_or_outcome(
        policy in any_policy(),
        facts in any_facts(),
        fact in 0..9_u8,
        by in prop_oneof![0..100_u32, Just(u32::MAX)],
    ) {
        let (before, after) = (policy.assess(&facts), policy.assess(&worse(facts, fact, by)));
        prop_assert!(before.score <= after.score, "{before:?} {after:?}");
        prop_assert!(before.outcome <= after.outcome, "{before:?} {after:?}");
    }

    #[test]
    fn the_score_is_the_sum_of_the_signals(policy in any_policy(), facts in any_facts()) {
        let found = policy.assess(&facts);
        let sum = found.signals.iter().fold(0, |sum: u32, score| sum.saturating_add(score.points));
        prop_assert_eq!(found.score, sum);
        prop_assert!(found.signals.iter().all(|score| score.points > 0));
    }
}
