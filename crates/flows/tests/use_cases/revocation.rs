//! Revocations: their way from one node to the others.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AssuranceLevel, Clock, SystemClock, SystemRandom, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::revocation::{
    Cursor, FeedEntry, FeedRange, FollowError, Listener, PageError, PurgeResult, RevocationPolicy,
    RevocationStore, Revocations, Revoked,
};
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestClock, TestDatabase};
use portcullis_token::{AccessClaims, REVOCATION_MARGIN, Revocation, RevocationEntry};

use crate::deployment::{HOUR, MINUTE, SECOND};

/// The real store, with failures on demand.
struct FaultyStore {
    store: Arc<dyn RevocationStore>,
    is_down: AtomicBool,
    cannot_number: AtomicBool,
    attempts: AtomicUsize,
}

impl FaultyStore {
    fn reach(&self) -> Result<&dyn RevocationStore, StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("out of reach".to_owned()));
        }
        Ok(&*self.store)
    }
}

impl RevocationStore for FaultyStore {
    fn number_revocations(&self, first: u64, most: u32) -> Result<FeedRange, StoreError> {
        if self.cannot_number.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("read-only".to_owned()));
        }
        self.reach()?.number_revocations(first, most)
    }

    fn revocations_from(&self, first: u64, most: u32) -> Result<FeedRange, StoreError> {
        self.reach()?.revocations_from(first, most)
    }

    fn note_access_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        self.reach()?.note_access_lifetime(lifetime)
    }

    fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError> {
        self.reach()?.is_revoked(claims)
    }

    fn revoke(
        &self,
        entry: &RevocationEntry,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<Revoked, StoreError> {
        self.reach()?.revoke(entry, at, effects)
    }

    fn purge_revocations(
        &self,
        keep: Duration,
        elapsed: Duration,
        most: u32,
    ) -> Result<PurgeResult, StoreError> {
        self.reach()?.purge_revocations(keep, elapsed, most)
    }
}

/// A listener that stores its notifications.
#[derive(Default)]
struct Notes {
    heard: Mutex<Vec<FeedEntry>>,
    published: AtomicUsize,
}

impl Listener for Notes {
    fn heard(&self, entries: &[FeedEntry]) {
        self.heard.lock().unwrap().extend(entries);
    }

    fn published(&self) {
        self.published.fetch_add(1, Ordering::SeqCst);
    }
}

/// Nodes over one database.
pub(crate) struct Cluster {
    pub(crate) database: TestDatabase,
    pub(crate) clock: Arc<TestClock>,
}

/// One node of the cluster.
pub(crate) struct ClusterNode {
    pub(crate) revocations: Revocations,
    store: Arc<FaultyStore>,
    notes: Arc<Notes>,
}

impl Cluster {
    fn new() -> Self {
        Self::on(TestDatabase::sqlite())
    }

    /// Nodes whose clock is that of the database.
    pub(crate) fn on(database: TestDatabase) -> Self {
        let clock = database.clock().clone();
        Self { database, clock }
    }

    pub(crate) fn post(&self, policy: RevocationPolicy) -> ClusterNode {
        let (store, notes) = (self.store(), Arc::<Notes>::default());
        let revocations = start(store.clone(), self.clock.clone(), policy, notes.clone());
        ClusterNode { revocations: revocations.unwrap(), store, notes }
    }

    fn store(&self) -> Arc<FaultyStore> {
        Arc::new(FaultyStore {
            store: Arc::new(self.database.connect()),
            is_down: AtomicBool::new(false),
            cannot_number: AtomicBool::new(false),
            attempts: AtomicUsize::new(0),
        })
    }
}

fn start(
    store: Arc<dyn RevocationStore>,
    clock: Arc<dyn Clock>,
    policy: RevocationPolicy,
    listener: Arc<dyn Listener>,
) -> Result<Revocations, FollowError> {
    Revocations::start(store, HOUR, clock, policy, listener)
}

impl ClusterNode {
    pub(crate) fn revoke(&self, entry: RevocationEntry) {
        self.revocations.revoke(entry, NOW, &event().into()).unwrap();
    }

    fn refuses(&self, entry: RevocationEntry) -> bool {
        let Revocation::Token(token) = entry.revocation else { panic!("{entry:?}") };
        let account = samples::account("ada").id;
        self.revocations.set().covers(samples::session(), token, account, NOW)
    }

    pub(crate) fn heard(&self) -> Vec<RevocationEntry> {
        self.notes.heard.lock().unwrap().iter().map(|numbered| numbered.entry).collect()
    }

    fn read(&self, after: Cursor, most: u32) -> (Vec<RevocationEntry>, Cursor) {
        let page = self.revocations.page(after, most).unwrap();
        (page.entries.iter().map(|numbered| numbered.entry).collect(), page.next)
    }
}

fn event() -> SecurityEvent {
    samples::event(EventKind::SignOut, Outcome::Success, NOW)
}

fn token(until: Timestamp) -> RevocationEntry {
    let token = TokenId::generate(NOW, &SystemRandom);
    RevocationEntry { revocation: Revocation::Token(token), until }
}

/// Looks only when it is told to.
fn patient() -> RevocationPolicy {
    RevocationPolicy { poll: 1_000 * HOUR, ..RevocationPolicy::default() }
}

pub(crate) fn eager() -> RevocationPolicy {
    RevocationPolicy { poll: Duration::from_millis(5), ..RevocationPolicy::default() }
}

/// Waits until it is so, and not for ever.
#[track_caller]
pub(crate) fn eventually(is_so: impl Fn() -> bool) {
    let clock = SystemClock::new();
    while !is_so() {
        assert!(clock.monotonic() < MINUTE, "it never is");
        thread::yield_now();
    }
}

#[test]
fn what_a_node_revokes_it_refuses_from_then_on() {
    let cluster = Cluster::new();
    let post = cluster.post(patient());
    let (revoked, other) = (token(NOW + HOUR), token(NOW + HOUR));
    post.revoke(revoked);
    assert!(post.refuses(revoked) && !post.refuses(other));
}

#[test]
fn what_could_not_be_written_is_not_refused() {
    let cluster = Cluster::new();
    let post = cluster.post(patient());
    post.store.is_down.store(true, Ordering::SeqCst);
    let entry = token(NOW + HOUR);
    assert!(post.revocations.revoke(entry, NOW, &event().into()).is_err());
    assert!(!post.refuses(entry));
}

#[test]
fn another_node_refuses_it_too_once_it_looks() {
    let cluster = Cluster::new();
    let (here, looking, waiting) =
        (cluster.post(patient()), cluster.post(eager()), cluster.post(patient()));
    let entry = token(NOW + HOUR);
    here.revoke(entry);
    eventually(|| looking.refuses(entry));
    assert!(!waiting.refuses(entry));
    waiting.revocations.wake();
    eventually(|| waiting.refuses(entry));
}

#[test]
fn a_node_that_starts_refuses_what_was_revoked_before() {
    let cluster = Cluster::new();
    let entries = [0, 1, 2].map(|_| token(NOW + HOUR));
    // Without a follower that would number them.
    for entry in entries {
        let revoked = cluster.store().revoke(&entry, NOW, &event().into()).unwrap();
        assert_eq!(revoked.entries(), [entry]);
    }
    let started = cluster.post(patient());
    assert!(entries.iter().all(|entry| started.refuses(*entry)));
    assert_eq!(started.revocations.feed_state().cursor.position(), 3);
    assert_eq!(started.heard(), [], "that is no news");
}

#[test]
fn a_node_that_cannot_read_what_is_revoked_does_not_start() {
    let cluster = Cluster::new();
    let store = cluster.store();
    store.is_down.store(true, Ordering::SeqCst);
    let started = start(store, cluster.clock.clone(), patient(), Arc::new(()));
    assert!(matches!(started, Err(FollowError::Store(_))));
}

#[test]
fn a_listener_hears_everything_once_and_in_order_and_learns_when_its_own_can_be_read() {
    let cluster = Cluster::new();
    let (here, there) = (cluster.post(patient()), cluster.post(eager()));
    let entries: Vec<RevocationEntry> = (0..20).map(|_| token(NOW + HOUR)).collect();
    for entry in &entries {
        here.revoke(*entry);
    }
    eventually(|| there.heard().len() == entries.len());
    eventually(|| here.heard().len() == entries.len());
    eventually(|| here.notes.published.load(Ordering::SeqCst) > 0);
    let in_order = here.notes.heard.lock().unwrap().clone();
    assert!(in_order.iter().zip(1..).all(|(numbered, position)| numbered.position == position));
    assert_eq!(*there.notes.heard.lock().unwrap(), in_order);
    assert_eq!(there.notes.published.load(Ordering::SeqCst), 0, "it has revoked nothing");
}

#[test]
fn a_node_without_word_from_the_database_says_so_and_catches_up() {
    let cluster = Cluster::new();
    let (here, there) = (cluster.post(eager()), cluster.post(patient()));
    here.store.is_down.store(true, Ordering::SeqCst);
    let (entry, tried) = (token(NOW + HOUR), here.store.attempts.load(Ordering::SeqCst));
    there.revoke(entry);
    // What was asked before may still be answered; what is asked now is not.
    eventually(|| here.store.attempts.load(Ordering::SeqCst) >= tried + 3);
    cluster.clock.advance(30 * SECOND);
    assert_eq!(here.revocations.staleness(), 30 * SECOND);
    assert!(!here.revocations.is_stale());
    cluster.clock.advance(SECOND);
    assert!(here.revocations.is_stale());
    assert_eq!(here.revocations.feed_state().as_of, NOW);
    assert!(!here.refuses(entry));

    here.store.is_down.store(false, Ordering::SeqCst);
    eventually(|| !here.revocations.is_stale());
    assert!(here.refuses(entry));
    assert_eq!(here.revocations.feed_state().as_of, NOW + 31 * SECOND);
}

#[test]
fn other_nodes_are_told_at_once_what_was_revoked_whether_this_one_reaches_the_database_or_not() {
    let cluster = Cluster::new();
    let post = cluster.post(patient());
    post.store.is_down.store(true, Ordering::SeqCst);
    let entry = token(NOW + HOUR);
    let revoked = post.store.store.revoke(&entry, NOW, &event().into()).unwrap();
    post.revocations.enforce(revoked);
    eventually(|| post.notes.published.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_look_is_one_question_and_a_revocation_takes_effect_with_the_first_that_sees_it() {
    let cluster = Cluster::new();
    let (here, there) = (cluster.post(patient()), cluster.post(patient()));
    let asked = || there.store.attempts.load(Ordering::SeqCst);
    let begun = asked();
    there.revocations.wake();
    eventually(|| asked() == begun + 1);
    let entry = token(NOW + HOUR);
    // Nobody gives it a number: this node cannot, and the other is not told.
    there.store.cannot_number.store(true, Ordering::SeqCst);
    let revoked = here.store.store.revoke(&entry, NOW, &event().into()).unwrap();
    assert_eq!(revoked.entries(), [entry]);
    assert!(!there.refuses(entry));
    there.revocations.wake();
    eventually(|| there.refuses(entry));
    assert!(there.heard().is_empty(), "it has no place in the feed yet");
    there.store.cannot_number.store(false, Ordering::SeqCst);
    there.revocations.wake();
    eventually(|| there.heard() == [entry]);
}

#[test]
fn only_a_strict_node_asks_the_database_about_a_token() {
    let cluster = Cluster::new();
    let claims = claims();
    let entry =
        RevocationEntry { revocation: Revocation::Session(claims.session), until: NOW + HOUR };
    let strict = cluster.post(RevocationPolicy { strict: true, ..patient() });
    let (trusting, here) = (cluster.post(patient()), cluster.post(patient()));
    assert!(!strict.revocations.is_revoked(&claims).unwrap());
    here.revoke(entry);
    assert!(strict.revocations.is_revoked(&claims).unwrap(), "at once");
    assert!(!trusting.revocations.is_revoked(&claims).unwrap(), "until it looks");

    for post in [&strict, &trusting, &here] {
        post.store.is_down.store(true, Ordering::SeqCst);
    }
    assert!(strict.revocations.is_revoked(&claims).is_err(), "it cannot know");
    assert!(!trusting.revocations.is_revoked(&claims).unwrap());
    assert!(here.revocations.is_revoked(&claims).unwrap());
}

#[test]
fn pages_continue_from_cursor_to_cursor_and_the_last_says_up_to_when_it_is_complete() {
    let cluster = Cluster::new();
    let post = cluster.post(eager());
    (0..5).for_each(|_| post.revoke(token(NOW + HOUR)));
    eventually(|| post.heard().len() == 5);
    let (first, cursor) = post.read(Cursor::START, 2);
    let (second, cursor) = post.read(cursor.to_string().parse().unwrap(), 2);
    assert_eq!(post.revocations.page(cursor, 0).unwrap().as_of, None, "there is more");
    let (third, cursor) = post.read(cursor, 2);
    assert_eq!([first, second, third].concat(), post.heard());
    let end = post.revocations.page(cursor, 2).unwrap();
    assert_eq!((end.entries, end.next, end.as_of), (Vec::new(), cursor, Some(NOW)));
    assert_eq!(cursor, post.revocations.feed_state().cursor);
}

#[test]
fn a_cursor_before_what_was_removed_or_of_another_history_has_expired() {
    let cluster = Cluster::new();
    let post = cluster.post(eager());
    (0..3).for_each(|_| post.revoke(token(NOW)));
    eventually(|| post.heard().len() == 3);
    let (_, first) = post.read(Cursor::START, 1);
    let (_, second) = post.read(first, 1);
    let (_, last) = post.read(second, 1);
    cluster.clock.advance(REVOCATION_MARGIN);
    post.revocations.purge().unwrap();
    post.read(Cursor::START, 10);
    cluster.clock.advance(SECOND);
    post.revocations.purge().unwrap();
    assert_eq!(post.read(second, 10).0.len(), 1, "the last entry stays");
    assert_eq!(post.read(last, 10).0.len(), 0);

    let position = last.position();
    let has_expired =
        |cursor: Cursor| matches!(post.revocations.page(cursor, 10), Err(PageError::Expired));
    assert!(has_expired(Cursor::START) && has_expired(first));
    for foreign in [format!("{position}.{:08x}", !mark(last)), format!("{}.00000000", position + 1)]
    {
        assert!(has_expired(foreign.parse().unwrap()), "{foreign}");
    }
}

#[test]
fn a_node_under_which_an_older_state_was_restored_reads_that_from_its_beginning() {
    let cluster = Cluster::new();
    let post = cluster.post(eager());
    let before = [0, 1, 2].map(|_| token(NOW + HOUR));
    for entry in before {
        post.revoke(entry);
    }
    eventually(|| post.heard().len() == 3);
    let cursor = post.revocations.feed_state().cursor;
    // As many entries as before, in one step, so that only their marks tell the histories apart.
    let after = token(NOW + HOUR);
    let Revocation::Token(revoked) = after.revocation else { panic!() };
    let hex = revoked.as_uuid().simple();
    let row = |position: u32, target: &str| {
        format!("('token', {target}, 9000000000000000, 0, {position})")
    };
    let rows = [row(1, "randomblob(16)"), row(2, "randomblob(16)"), row(3, &format!("x'{hex}'"))]
        .join(",");
    let restored = format!(
        "DELETE FROM revocations;
         INSERT INTO revocations (kind, target, until, recorded_at, position) VALUES {rows}"
    );
    cluster.database.store().execute(&restored).unwrap();
    eventually(|| post.refuses(after));
    assert!(before.iter().all(|entry| post.refuses(*entry)), "to be safe");
    assert!(matches!(post.revocations.page(cursor, 10), Err(PageError::Expired)));
    eventually(|| post.notes.heard.lock().unwrap().len() == 6);
    assert_eq!(post.notes.heard.lock().unwrap()[3].position, 1);
}

#[test]
fn a_snapshot_holds_all_that_is_needed_and_leads_on() {
    let cluster = Cluster::new();
    let post = cluster.post(eager());
    let (living, dead) = (token(NOW + HOUR), token(NOW));
    post.revoke(living);
    post.revoke(dead);
    eventually(|| post.heard().len() == 2);
    cluster.clock.advance(REVOCATION_MARGIN + SECOND);
    post.revocations.purge().unwrap();
    let snapshot = post.revocations.snapshot();
    let feed_state = snapshot.feed_state();
    let later = token(NOW + HOUR);
    post.revoke(later);
    eventually(|| post.heard().len() == 3);
    let entries: Vec<RevocationEntry> = snapshot.flat_map(Result::unwrap).collect();
    assert_eq!(entries, [living]);
    assert_eq!(post.read(feed_state.cursor, 10).0, [later]);
}

#[test]
fn a_snapshot_after_a_purge_is_whole_and_one_of_nothing_is_empty() {
    let cluster = Cluster::new();
    let post = cluster.post(eager());
    assert_eq!(post.revocations.snapshot().count(), 0);
    assert_eq!(post.revocations.snapshot().feed_state().cursor, Cursor::START);
    (0..3).for_each(|_| post.revoke(token(NOW)));
    eventually(|| post.heard().len() == 3);
    let living = token(NOW + 2 * HOUR);
    post.revoke(living);
    eventually(|| post.heard().len() == 4);
    cluster.clock.advance(REVOCATION_MARGIN + HOUR);
    post.revocations.purge().unwrap();
    assert!(post.revocations.page(Cursor::START, 10).is_err());
    let entries: Vec<RevocationEntry> =
        post.revocations.snapshot().flat_map(Result::unwrap).collect();
    assert_eq!(entries, [living]);
    assert_eq!(post.revocations.set().len(), 1, "and the node has forgotten the others");
}

#[test]
fn what_nobody_follows_any_more_is_asked_no_more() {
    let cluster = Cluster::new();
    let ClusterNode { revocations, store, .. } = cluster.post(eager());
    revocations.close();
    let asked = store.attempts.load(Ordering::SeqCst);
    revocations.wake();
    drop(revocations);
    assert_eq!(store.attempts.load(Ordering::SeqCst), asked);
    assert_eq!(Arc::strong_count(&store), 1, "the thread is gone");
}

fn mark(cursor: Cursor) -> u32 {
    let text = cursor.to_string();
    u32::from_str_radix(text.split_once('.').unwrap().1, 16).unwrap()
}

pub(crate) fn claims() -> AccessClaims {
    let ada = samples::account("ada");
    AccessClaims {
        subject: ada.id,
        session: samples::session(),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + HOUR,
        role: ada.role,
        kind: ada.kind,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: Vec::new(),
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}
