//! The revocation set, compared with a naive list, and under many threads.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use portcullis_domain::{
    AccountId, AccountKind, AssuranceLevel, Role, SessionId, SystemRandom, Timestamp, TokenId,
};
use portcullis_token::{
    AccessClaims, AuthenticationMethod, LEEWAY, Revocation, RevocationEntry, RevocationSet,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFETIME: Duration = Duration::from_secs(1_800);
const SECOND: Duration = Duration::from_secs(1);

fn claims() -> AccessClaims {
    AccessClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + LIFETIME,
        role: Role::parse("clinical_staff").unwrap(),
        kind: AccountKind::User,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: vec![AuthenticationMethod::Password],
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}

fn session_ends(claims: &AccessClaims, until: Timestamp) -> RevocationEntry {
    RevocationEntry { revocation: Revocation::Session(claims.session), until }
}

#[test]
fn each_kind_covers_its_own_and_nothing_else() {
    let (mine, other) = (claims(), claims());
    for revocation in [
        Revocation::Session(mine.session),
        Revocation::Token(mine.token),
        Revocation::Subject { account: mine.subject, issued_before: NOW + SECOND },
    ] {
        let set = RevocationSet::new();
        assert!(!set.is_revoked(&mine));
        set.revoke(RevocationEntry { revocation, until: NOW + LIFETIME });
        assert!(set.is_revoked(&mine), "{revocation:?}");
        assert!(!set.is_revoked(&other), "{revocation:?}");
        let of_all_three = |session, token, subject| set.covers(session, token, subject, NOW);
        assert!(of_all_three(mine.session, mine.token, mine.subject));
        assert!(!of_all_three(other.session, other.token, other.subject));
        assert_eq!(set.len(), 1);
    }
}

#[test]
fn one_uuid_revoked_as_one_kind_is_not_revoked_as_another() {
    let id = *claims().session.as_uuid();
    let (session, token, subject) =
        (SessionId::from_uuid(id), TokenId::from_uuid(id), AccountId::from_uuid(id));
    let other = claims();
    let set = RevocationSet::new();
    set.revoke(RevocationEntry { revocation: Revocation::Token(token), until: NOW });
    assert!(set.covers(other.session, token, other.subject, NOW));
    assert!(!set.covers(session, other.token, subject, NOW));
}

#[test]
fn of_a_subject_only_what_was_issued_before_is_revoked() {
    let claims = claims();
    let set = RevocationSet::new();
    let account = claims.subject;
    let before = |issued_before, until| {
        set.revoke(RevocationEntry {
            revocation: Revocation::Subject { account, issued_before },
            until,
        });
    };
    before(NOW, NOW + LIFETIME);
    let issued_at = |issued_at| set.is_revoked(&AccessClaims { issued_at, ..claims.clone() });
    assert!(issued_at(NOW - SECOND));
    assert!(!issued_at(NOW));
    before(NOW + 2 * SECOND, NOW + LIFETIME + 2 * SECOND);
    before(NOW - 2 * SECOND, NOW + LIFETIME - 2 * SECOND);
    assert!(issued_at(NOW + SECOND));
    assert!(!issued_at(NOW + 2 * SECOND));
    assert_eq!(set.len(), 1);
}

#[test]
fn an_entry_stays_as_long_as_a_verifier_could_accept_a_token_and_leaves_then() {
    let set = RevocationSet::new();
    let claims = claims();
    set.revoke(session_ends(&claims, NOW));
    set.forget_before(NOW + LEEWAY - LEEWAY);
    assert!(set.is_revoked(&claims));
    set.forget_before(NOW + LEEWAY + SECOND - LEEWAY);
    assert!(!set.is_revoked(&claims));
    assert!(set.is_empty());
}

/// Whatever made it forget: a clock that was ahead, and goes back.
#[test]
fn what_was_forgotten_stays_refused_when_the_clock_goes_back() {
    let set = RevocationSet::new();
    let (claims, fresh) = (claims(), claims());
    let fresh = AccessClaims { expires_at: claims.expires_at + 2 * LIFETIME, ..fresh };
    set.revoke(session_ends(&claims, claims.expires_at));
    set.forget_before(claims.expires_at + SECOND);
    assert!(set.is_empty());
    for horizon in [NOW, NOW - LIFETIME] {
        assert!(set.is_revoked(&claims));
        assert!(!set.is_revoked(&fresh), "a token beyond the horizon is good");
        set.forget_before(horizon);
    }
}

#[test]
fn tokens_that_were_issued_before_a_restore_stay_refused() {
    let set = RevocationSet::new();
    let claims = claims();
    let later = AccessClaims { issued_at: claims.issued_at + SECOND, ..self::claims() };
    set.refuse_issued_before(claims.issued_at);
    assert!(!set.is_revoked(&claims));
    for time in [later.issued_at, claims.issued_at] {
        set.refuse_issued_before(time);
        assert!(
            set.is_revoked(&claims) && !set.is_revoked(&later),
            "an earlier time changes nothing"
        );
    }
}

#[test]
fn an_earlier_end_does_not_shorten_a_later_one() {
    let set = RevocationSet::new();
    let claims = claims();
    set.revoke(session_ends(&claims, NOW + 2 * LIFETIME));
    set.revoke(session_ends(&claims, NOW));
    set.forget_before(NOW + LIFETIME - LEEWAY);
    assert!(set.is_revoked(&claims));
}

#[test]
fn the_memory_of_what_was_forgotten_is_given_back() {
    let set = RevocationSet::new();
    let empty = set.heap_bytes();
    set.revoke_all((0..50_000).map(|_| session_ends(&claims(), NOW)));
    let full = set.heap_bytes();
    assert!((50_000 * 25..50_000 * 75).contains(&(full - empty)), "{full} bytes");
    set.forget_before(NOW + LIFETIME - LEEWAY);
    assert_eq!(set.heap_bytes(), empty);
    assert_eq!(format!("{set:?}"), "RevocationSet { len: 0 }");
}

/// Who learns that an entry is in, by whatever way, sees it in; and nobody sees anything revoked
/// that is not, whatever is inserted and cleaned meanwhile.
#[test]
fn from_the_moment_a_revocation_returns_no_thread_reads_the_token_as_valid() {
    let set = RevocationSet::new();
    let (doomed, alive): (Vec<_>, Vec<_>) = (0..20_000).map(|_| (claims(), claims())).unzip();
    let revoked = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for (number, claims) in doomed.iter().enumerate() {
                set.revoke(session_ends(claims, NOW + LIFETIME));
                revoked.store(number + 1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            while revoked.load(Ordering::Acquire) < doomed.len() {
                let passing = claims();
                set.revoke(session_ends(&passing, NOW - LIFETIME));
                set.forget_before(NOW - LEEWAY);
                assert!(!set.is_revoked(&passing));
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < doomed.len() {
                    let now = revoked.load(Ordering::Acquire);
                    for claims in &doomed[seen.saturating_sub(100)..now] {
                        assert!(set.is_revoked(claims));
                    }
                    for claims in &alive[seen..now] {
                        assert!(!set.is_revoked(claims));
                    }
                    seen = now;
                }
            });
        }
    });
    assert!(doomed.iter().all(|claims| set.is_revoked(claims)));
    assert_eq!(set.len(), doomed.len());
}

/// One step of the test, with few ids and times, so that entries collide.
#[derive(Clone, Debug)]
enum Step {
    Revoke { kind: u8, id: u8, time: u8 },
    Forget { time: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let revoke =
        (0..3_u8, 0..6_u8, 0..40_u8).prop_map(|(kind, id, time)| Step::Revoke { kind, id, time });
    let forget = (0..60_u8).prop_map(|time| Step::Forget { time });
    prop::collection::vec(prop_oneof![4 => revoke, 1 => forget], 0..40)
}

fn at(seconds: u8) -> Timestamp {
    NOW + u32::from(seconds) * SECOND
}

/// The same bits for every kind, so that only the kind tells them apart.
fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(id: u8) -> T {
    format!("01890a5d-ac96-774b-bcce-b302099a80{id:02x}").parse().unwrap()
}

proptest! {
    #[test]
    fn it_answers_like_a_list_of_entries(steps in steps()) {
        let set = RevocationSet::new();
        let mut list: Vec<RevocationEntry> = Vec::new();
        for step in steps {
            match step {
                Step::Revoke { kind, id: name, time } => {
                    let revocation = match kind {
                        0 => Revocation::Session(id(name)),
                        1 => Revocation::Token(id(name)),
                        // Times of one subject rise together, as they do with a fixed lifetime.
                        _ => Revocation::Subject { account: id(name), issued_before: at(time) },
                    };
                    let entry = RevocationEntry { revocation, until: at(time) };
                    set.revoke(entry);
                    list.push(entry);
                }
                Step::Forget { time } => {
                    set.forget_before(at(time) - LEEWAY);
                    list.retain(|entry| entry.until + LEEWAY >= at(time));
                }
            }
            for name in 0..6 {
                for issued_at in [NOW, at(13), at(39), at(40)] {
                    let in_list = |covers: &dyn Fn(&Revocation) -> bool| {
                        list.iter().any(|entry| covers(&entry.revocation))
                    };
                    let (session, token, account) = (id(name), id(name), id(name));
                    let (no_session, no_token, nobody) = (id(99), id(99), id(99));
                    prop_assert_eq!(
                        set.covers(session, no_token, nobody, issued_at),
                        in_list(&|revocation| *revocation == Revocation::Session(session))
                    );
                    prop_assert_eq!(
                        set.covers(no_session, token, nobody, issued_at),
                        in_list(&|revocation| *revocation == Revocation::Token(token))
                    );
                    prop_assert_eq!(
                        set.covers(no_session, no_token, account, issued_at),
                        in_list(&|revocation| matches!(
                            revocation,
                            Revocation::Subject { account: other, issued_before }
                                if *other == account && issued_at < *issued_before
                        ))
                    );
                }
            }
        }
    }
}
