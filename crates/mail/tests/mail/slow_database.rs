//! Deliveries over a database that is slow or refuses for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_domain::MessageId;
use portcullis_flows::StoreError;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, ClaimedMessage, DeliverySettings, LONGEST_DELAY, Lease, MailDelivery,
    MessageClaim, OutboxState, OutboxStore, OutgoingMail,
};
use portcullis_testkit::TestDatabase;

use crate::node::{SECOND, With, drain, enrol, node, queue};

/// A database with something before the answer to a claim, and before the end of an attempt.
struct Intercepted {
    store: Box<dyn OutboxStore>,
    after_claim: Box<dyn Fn() + Send + Sync>,
    before_end: Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>,
}

impl OutboxStore for Intercepted {
    fn claim_messages(&self, claim: &MessageClaim) -> Result<Vec<ClaimedMessage>, StoreError> {
        let claimed = self.store.claim_messages(claim);
        (self.after_claim)();
        claimed
    }

    fn begin_attempt(&self, attempt: &Attempt<'_>) -> Result<bool, StoreError> {
        self.store.begin_attempt(attempt)
    }

    fn end_attempt(
        &self,
        id: MessageId,
        lease: &Lease,
        result: &AttemptResult,
    ) -> Result<bool, StoreError> {
        (self.before_end)()?;
        self.store.end_attempt(id, lease, result)
    }

    fn release_messages(&self, lease: &Lease, ids: &[MessageId]) -> Result<(), StoreError> {
        self.store.release_messages(lease, ids)
    }

    fn outbox_state(&self) -> Result<OutboxState, StoreError> {
        self.store.outbox_state()
    }
}

/// A node over this store whose mails are counted.
fn counting(database: &TestDatabase, store: Intercepted) -> (Arc<MailDelivery>, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let sender = With(move |_: &OutgoingMail<'_>| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let settings = DeliverySettings::default();
    let delivery =
        MailDelivery::new(Arc::new(store), Arc::new(sender), settings, database.ambient());
    (Arc::new(delivery), sent)
}

#[test]
fn a_slow_claim_does_not_use_up_the_time_of_its_batch() {
    let database = TestDatabase::sqlite();
    queue(&database, enrol(&database, "ada").id, Mail::Test);
    let clock = database.clock().clone();
    let store = Intercepted {
        store: Box::new(database.connect()),
        after_claim: Box::new(move || clock.advance(5 * SECOND)),
        before_end: Box::new(|| Ok(())),
    };
    assert_eq!(counting(&database, store).0.deliver().unwrap().done, 1);
}

#[test]
fn a_sent_mail_is_marked_though_the_database_is_busy_for_a_moment() {
    TestDatabase::on_both(|database| {
        queue(&database, enrol(&database, "ada").id, Mail::Test);
        let refusals = AtomicUsize::new(0);
        let store = Intercepted {
            store: Box::new(database.connect()),
            after_claim: Box::new(|| {}),
            before_end: Box::new(move || match refusals.fetch_add(1, Ordering::SeqCst) {
                0..=2 => Err(StoreError::Unavailable("no connection in time".to_owned())),
                _ => Ok(()),
            }),
        };
        let (delivery, sent) = counting(&database, store);
        assert_eq!(drain(&delivery).delivered, 1, "{database:?}");
        database.clock().advance(LONGEST_DELAY);
        assert_eq!(drain(&delivery).delivered, 1);
        assert_eq!(sent.load(Ordering::SeqCst), 1, "{database:?}");
    });
}

#[test]
fn a_database_that_stays_away_ends_the_batch_and_the_mail_is_sent_again() {
    TestDatabase::on_both(|database| {
        queue(&database, enrol(&database, "ada").id, Mail::Test);
        let store = Intercepted {
            store: Box::new(database.connect()),
            after_claim: Box::new(|| {}),
            before_end: Box::new(|| Err(StoreError::Unavailable("gone".to_owned()))),
        };
        let (delivery, sent) = counting(&database, store);
        assert!(delivery.deliver().is_err(), "{database:?}");
        assert_eq!((sent.load(Ordering::SeqCst), delivery.counts().delivered), (1, 0));
        database.clock().advance(LONGEST_DELAY);
        let other = node(&database, With(|_: &OutgoingMail<'_>| Ok(())));
        assert_eq!(drain(&other).delivered, 1);
    });
}
