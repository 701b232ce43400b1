//! Contract of `RevocationStore`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, AccountKind, AssuranceLevel, Clock, Role, SessionId, SystemClock, SystemRandom,
    Timestamp, TokenId,
};
use portcullis_flows::identity::password_change::{
    PasswordChangeStore, PasswordUpdate, PasswordUpdateResult, ReplacementSession,
};
use portcullis_flows::node::revocation::{FeedEntry, RevocationStore, Revoked};
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_flows::sign_in::refresh::Rotated;
use portcullis_flows::sign_in::session_tokens::OnReuse;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};
use portcullis_token::{AccessClaims, AuthenticationMethod, Digest, Revocation, RevocationEntry};

use crate::family::Presented;
use crate::inspect::{count, live_sessions, outcomes, revoked_sessions};
use crate::member::{
    REVOKED_FOR, SignIn, another_hash, at, counter, end_all_sessions, end_session, ended, ending,
    enrol, proof_of,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn every_kind_of_entry_is_read_as_it_was_written_in_the_order_of_recording() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let entries = [token(), session(), subject()];
        for (second, entry) in (0..).zip(entries) {
            revoke_entry(store, &entry, NOW + second * SECOND);
        }
        assert_eq!(feed(store), [], "nothing has a position before it is numbered");
        let waiting = store.revocations_from(1, 1).unwrap().waiting;
        assert_eq!(waiting.len(), entries.len());
        assert!(entries.iter().all(|entry| waiting.contains(entry)), "but all of it is shown");
        let numbered = store.number_revocations(2, 1).unwrap();
        assert_eq!((numbered.head, numbered.waiting), (3, Vec::new()));
        assert_eq!(
            numbered.entries.iter().map(|entry| entry.entry).collect::<Vec<_>>(),
            [entries[1]]
        );
        let feed = feed(store);
        assert_eq!(feed.iter().map(|numbered| numbered.entry).collect::<Vec<_>>(), entries);
        assert_eq!(feed.iter().map(|numbered| numbered.position).collect::<Vec<_>>(), [1, 2, 3]);
        assert_ne!(feed[0].mark, feed[1].mark);
        store.number_revocations(1, 1).unwrap();
        assert_eq!(self::feed(store), feed, "what has a position keeps it");
    });
}

/// Somebody lowers `access_minutes` and starts again: tokens of before live as long as they did.
#[test]
fn an_entry_is_kept_for_as_long_as_any_token_may_live_under_settings_of_before() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for hours in [2, 24, 1] {
            store.note_access_lifetime(hours * HOUR).unwrap();
        }
        let short = |entry: RevocationEntry| RevocationEntry { until: NOW + SECOND, ..entry };
        let long = RevocationEntry { until: NOW + 48 * HOUR, ..session() };
        for entry in [short(session()), short(subject()), short(token()), long] {
            revoke_entry(store, &entry, NOW);
        }
        store.number_revocations(1, 1).unwrap();
        let kept: Vec<_> = feed(store).iter().map(|entry| entry.entry.until).collect();
        let a_day = NOW + 24 * HOUR + 5 * SECOND;
        assert_eq!(kept.len(), 4);
        for (until, times) in [(a_day, 2), (NOW + SECOND, 1), (NOW + 48 * HOUR, 1)] {
            assert_eq!(kept.iter().filter(|kept| **kept == until).count(), times, "{kept:?}");
        }
    });
}

#[test]
fn a_stretch_holds_the_positions_that_were_asked_for_and_tells_where_the_feed_stands() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let empty = store.revocations_from(0, 10).unwrap();
        assert_eq!((empty.head, empty.purged_through, empty.entries), (0, 0, Vec::new()));
        revoke_tokens(store, 5, NOW + HOUR);
        for (first, most, expected) in [
            (0, 3, vec![1, 2]),
            (2, 2, vec![2, 3]),
            (4, 10, vec![4, 5]),
            (6, 10, vec![]),
            (u64::MAX, u32::MAX, vec![]),
        ] {
            let stretch = store.revocations_from(first, most).unwrap();
            assert_eq!((stretch.head, stretch.purged_through), (5, 0));
            let positions: Vec<u64> = stretch.entries.iter().map(|entry| entry.position).collect();
            assert_eq!(positions, expected, "{most} from {first}");
        }
    });
}

#[test]
fn what_is_revoked_already_is_neither_written_nor_recorded_again() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for entry in [token(), session(), subject()] {
            for _ in 0..2 {
                revoke_entry(store, &entry, NOW);
            }
            let shorter = RevocationEntry { until: entry.until - SECOND, ..entry };
            revoke_entry(store, &shorter, NOW);
        }
        assert_eq!(count(store, "revocations"), 3);
        assert_eq!(outcomes(store, "sign_out"), ["success 3"]);
        let entry = subject();
        let Revocation::Subject { account, issued_before } = entry.revocation else { panic!() };
        revoke_entry(store, &entry, NOW);
        let issued_before = issued_before + SECOND;
        let more = Revocation::Subject { account, issued_before };
        revoke_entry(store, &RevocationEntry { revocation: more, ..entry }, NOW);
        assert_eq!(count(store, "revocations"), 5, "a later moment says more");
    });
}

#[test]
fn the_store_knows_at_once_which_tokens_are_covered() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let claims = claims(NOW);
        let is_revoked = |claims: &AccessClaims| store.is_revoked(claims).unwrap();
        assert!(!is_revoked(&claims));
        let before = |issued_before| Revocation::Subject { account: claims.subject, issued_before };
        revoke(store, before(NOW));
        assert!(!is_revoked(&claims), "not issued before, but at that moment");
        revoke(store, before(NOW + SECOND));
        assert!(is_revoked(&claims));
        assert!(!is_revoked(&AccessClaims { issued_at: NOW + SECOND, ..claims.clone() }));
        let other = AccessClaims { subject: samples::account("grace").id, ..claims.clone() };
        assert!(!is_revoked(&other));
        revoke(store, Revocation::Session(other.session));
        assert!(is_revoked(&other));
        let third =
            AccessClaims { session: SessionId::generate(NOW, &SystemRandom), ..other.clone() };
        assert!(!is_revoked(&third));
        revoke(store, Revocation::Token(third.token));
        assert!(is_revoked(&third));
    });
}

#[test]
fn what_is_dead_is_removed_from_the_front_and_the_last_entry_stays() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for minutes in [1, 2, 9, 3, 4] {
            revoke_tokens(store, 1, NOW + minutes * 60 * SECOND);
        }
        let purge = |minutes: u32| purge(store, NOW + minutes * 60 * SECOND, 10);
        let standing = || {
            let stretch = store.revocations_from(0, 10).unwrap();
            let positions = stretch.entries.iter().map(|entry| entry.position).collect::<Vec<_>>();
            (stretch.head, stretch.purged_through, positions)
        };
        assert_eq!(purge(1), 0, "needed until then, and then too");
        assert_eq!(purge(8), 2, "up to the first that is needed");
        assert_eq!(standing(), (5, 2, vec![3, 4, 5]));
        assert_eq!(purge(10), 2, "but not the last");
        assert_eq!(standing(), (5, 4, vec![5]));
        assert_eq!(purge(60), 0);
        revoke_tokens(store, 1, NOW + HOUR);
        assert_eq!(standing(), (6, 4, vec![5, 6]), "positions go on");
    });
}

#[test]
fn a_purge_removes_no_more_than_it_was_told_and_nothing_that_has_no_position() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(purge(store, NOW, 10), 0);
        revoke_tokens(store, 6, NOW);
        revoke_entry(store, &RevocationEntry { until: NOW, ..token() }, NOW);
        let later = NOW + SECOND;
        let purged = [0, 1, 2].map(|_| purge(store, later, 2));
        assert_eq!(purged, [2, 2, 1]);
        assert_eq!(count(store, "revocations"), 2);
    });
}

#[test]
fn the_horizon_never_goes_back_and_moves_no_faster_than_twice_the_time_that_passes() {
    TestDatabase::on_both(|database| {
        let (store, keep) = (database.store(), 2 * HOUR);
        let purge = |now, elapsed| at(store, now).purge_revocations(keep, elapsed, 10).unwrap();
        assert_eq!(store.revocations_from(0, 1).unwrap().horizon, None);
        for (now, elapsed, expected) in [
            (NOW, Duration::ZERO, NOW - keep),
            (NOW + HOUR, 60 * SECOND, NOW - keep + 120 * SECOND),
            (NOW + HOUR, Duration::ZERO, NOW - keep + 120 * SECOND),
            (NOW - HOUR, HOUR, NOW - keep + 120 * SECOND),
            (NOW + 180 * SECOND, HOUR, NOW - keep + 180 * SECOND),
        ] {
            assert_eq!(purge(now, elapsed).horizon, expected, "{database:?}");
            assert_eq!(store.revocations_from(0, 1).unwrap().horizon, Some(expected));
        }
    });
}

#[test]
fn whatever_ends_sessions_revokes_their_tokens() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for (name, end) in endings(store) {
            let mut ended = end(store);
            ended.sort();
            assert!(!ended.is_empty(), "{name}");
            assert_eq!(revoked_sessions(store), ended, "{name}");
            let entries = feed(store);
            let until = END + REVOKED_FOR;
            assert!(entries.iter().all(|numbered| numbered.entry.until == until), "{name}");
            store.execute("DELETE FROM revocations").unwrap();
        }
    });
}

#[test]
fn an_end_that_is_taken_back_revokes_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let endings = endings(store);
        let live = live_sessions(store);
        // The event is the last thing that is written: everything else is done by then.
        store.execute("ALTER TABLE security_events RENAME TO out_of_reach").unwrap();
        for (name, end) in endings {
            let failed = catch_unwind(AssertUnwindSafe(|| end(store)));
            assert!(failed.is_err(), "{name}");
        }
        assert_eq!(live_sessions(store), live);
        assert_eq!(count(store, "revocations"), 0);
    });
}

#[test]
fn sessions_that_had_ended_before_the_migration_are_revoked_by_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let [recent, old] = [0, 1].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        let now = SystemClock::new().now();
        for (session, ended_at) in [(recent, now - 24 * HOUR), (old, now - 26 * HOUR)] {
            end_session(store, session, &event(ended_at));
        }
        SignIn::of(&ada, NOW).opened(store);
        let is_sqlite = database.url().starts_with("sqlite:");
        let (back, version) =
            (if is_sqlite { DOWN_SQLITE } else { DOWN_POSTGRES }, "20261121040000");
        // Others add columns to the table that it makes.
        let [horizon, longest, from] = ["20261125202000", "20261125205200", "20261128140000"];
        let forget = "DELETE FROM __diesel_schema_migrations WHERE version IN";
        let gone = format!("('{version}', '{horizon}', '{longest}', '{from}')");
        store.execute(&format!("{back} {forget} {gone}")).unwrap();
        assert_eq!(store.migrate().unwrap(), [version, horizon, longest, from]);
        assert_eq!(revoked_sessions(store), [recent]);
        assert_eq!(feed(store)[0].entry.until, now + 5 * SECOND, "and the leeway of verifiers");
    });
}

#[test]
fn who_is_granted_tokens_is_read_when_they_are_granted() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let changed = if database.url().starts_with("sqlite:") {
            "1800000060000000"
        } else {
            "to_timestamp(1800000060)"
        };
        let change = format!("UPDATE accounts SET role = 'admin', tokens_valid_from = {changed}");
        let opened = SignIn::of(&ada, NOW);
        let SessionOpeningResult::Done { snapshot, .. } = opened.open(store) else {
            panic!("refused")
        };
        assert_eq!((snapshot.account.role.as_str(), snapshot.tokens_valid_from), ("msa", None));
        store.execute(&change).unwrap();

        let expected = ("admin", Some(NOW + 60 * SECOND));
        let SessionOpeningResult::Done { snapshot, .. } = SignIn::of(&ada, NOW).open(store) else {
            panic!("refused")
        };
        assert_eq!((snapshot.account.role.as_str(), snapshot.tokens_valid_from), expected);
        assert_eq!(snapshot.account.last_sign_in_at, Some(NOW));
        let rotated = Presented::first(&opened, NOW).rotate(store);
        let Rotated::Done { snapshot, .. } = rotated else { panic!("{rotated:?}") };
        assert_eq!((snapshot.account.role.as_str(), snapshot.tokens_valid_from), expected);
    });
}

/// How many are removed by a purge that finds the horizon there.
fn purge(store: &Store, horizon: Timestamp, most: u32) -> u64 {
    let purged = at(store, horizon).purge_revocations(Duration::ZERO, 24 * HOUR, most).unwrap();
    assert_eq!(purged.horizon, horizon);
    purged.removed
}

/// When sessions end here: after the grace of every rotation.
const END: Timestamp = Timestamp::from_seconds(NOW.as_seconds() + 600);

/// A function that ends sessions and returns them.
type End = Box<dyn Fn(&Store) -> Vec<SessionId>>;

/// Everything that ends sessions, with sessions to be ended.
fn endings(store: &Store) -> Vec<(&'static str, End)> {
    let opened = |name: &str| {
        let account = enrol(store, name);
        let [first, second] = [0, 1].map(|_| SignIn::of(&account, NOW).opened(store));
        (account, first, second)
    };
    let reuse = |name: &str, on_reuse: OnReuse| -> End {
        let (_, stolen, _) = opened(name);
        let first = Presented { on_reuse, ..Presented::first(&stolen, NOW) }.rotated(store);
        first.next(NOW).rotated(store);
        Box::new(move |store| match first.again(END).rotate(store) {
            Rotated::Reused { revoked, .. } => ended(&revoked),
            other => panic!("{other:?}"),
        })
    };
    let (_, signed_out, _) = opened("ada");
    let (leaving, ..) = opened("grace");
    let (crowded, ..) = opened("mary");
    let (changing, asking, _) = opened("jean");
    vec![
        ("reuse, all sessions", reuse("hedy", OnReuse::EndAllSessions)),
        ("reuse, this session", reuse("annie", OnReuse::EndThisSession)),
        (
            "sign out",
            Box::new(move |store| {
                let session = signed_out.session.id;
                Vec::from_iter(end_session(store, session, &event(END)))
            }),
        ),
        (
            "sign out everywhere",
            Box::new(move |store| end_all_sessions(store, leaving.id, &event(END))),
        ),
        (
            "one session too many",
            Box::new(move |store| {
                let sign_in = SignIn { most_sessions: 1, ..SignIn::of(&crowded, END) };
                match sign_in.open(store) {
                    SessionOpeningResult::Done { displaced, .. } => ended(&displaced),
                    other => panic!("{other:?}"),
                }
            }),
        ),
        (
            "password change",
            Box::new(move |store| {
                let successor = ReplacementSession {
                    session: SessionId::generate(END, &SystemRandom),
                    refresh: TokenId::generate(END, &SystemRandom),
                    binding: Digest::of("x"),
                };
                let change = PasswordUpdate {
                    account: changing.id,
                    session: asking.session.id,
                    successor: &successor,
                    current: &proof_of(samples::password_hash()),
                    new: &another_hash(),
                    counter: &counter("jean"),
                    ending: ending(EventKind::PasswordChange, END),
                    origin: &samples::origin(),
                    effects: &|changed| match changed {
                        PasswordUpdateResult::Done { .. } => {
                            samples::event(EventKind::PasswordChange, Outcome::Success, END).into()
                        }
                        changed => panic!("{changed:?}"),
                    },
                };
                match store.change_password(&change).unwrap() {
                    PasswordUpdateResult::Done { revoked, .. } => ended(&revoked),
                    changed => panic!("{changed:?}"),
                }
            }),
        ),
    ]
}

pub(crate) fn feed(store: &Store) -> Vec<FeedEntry> {
    store.revocations_from(0, 10_000).unwrap().entries
}

/// Revokes so many tokens and gives positions to that.
fn revoke_tokens(store: &Store, count: usize, until: Timestamp) {
    for _ in 0..count {
        revoke_entry(store, &RevocationEntry { until, ..token() }, NOW);
    }
    store.number_revocations(1, 1).unwrap();
}

fn revoke(store: &Store, revocation: Revocation) {
    let entry = RevocationEntry { revocation, until: NOW + HOUR };
    revoke_entry(store, &entry, NOW);
}

/// Writes an entry with an event of that time.
pub(crate) fn revoke_entry(store: &Store, entry: &RevocationEntry, at: Timestamp) {
    let revoked = store.revoke(entry, at, &event(at).into()).unwrap();
    assert!(revoked.is_empty() || revoked == Revoked::new(vec![*entry]));
}

pub(crate) fn event(at: Timestamp) -> SecurityEvent {
    samples::event(EventKind::SignOut, Outcome::Success, at)
}

/// Of a token that nobody else has.
pub(crate) fn token() -> RevocationEntry {
    let token = TokenId::generate(NOW, &SystemRandom);
    RevocationEntry { revocation: Revocation::Token(token), until: NOW + HOUR }
}

fn session() -> RevocationEntry {
    let session = SessionId::generate(NOW, &SystemRandom);
    RevocationEntry { revocation: Revocation::Session(session), until: NOW + HOUR }
}

fn subject() -> RevocationEntry {
    let account = AccountId::generate(NOW, &SystemRandom);
    let revocation = Revocation::Subject { account, issued_before: NOW };
    RevocationEntry { revocation, until: NOW + HOUR }
}

fn claims(issued_at: Timestamp) -> AccessClaims {
    AccessClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at,
        expires_at: NOW + HOUR,
        role: Role::parse("msa").unwrap(),
        kind: AccountKind::User,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: vec![AuthenticationMethod::Password],
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}

const DOWN_SQLITE: &str =
    include_str!("../../../../migrations/sqlite/20261121040000_sessions_and_keys/down.sql");
const DOWN_POSTGRES: &str =
    include_str!("../../../../migrations/postgres/20261121040000_sessions_and_keys/down.sql");
