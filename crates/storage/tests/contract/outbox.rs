//! Contract of `OutboxStore` and `DeadLetterStore`.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, Email, MessageId, SystemRandom};
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, ClaimedMessage, DeadLetterStore, DeadLetters, LONGEST_DELAY,
    LONGEST_LEASE, Lease, MailSecretStore, MessageClaim, NewSecret, OutboxState, OutboxStore,
    ResentLetters,
};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, samples::operator};
use portcullis_token::Digest;

use crate::inspect::{count, outcomes};
use crate::member::enrol;

const SECOND: Duration = Duration::from_secs(1);
const HOLD: Duration = Duration::from_secs(90);
/// A moment before the end of a lease.
const ALMOST: Duration = Duration::from_secs(89);
const ONE: Lease = [1; 16];
const OTHER: Lease = [2; 16];

pub(crate) const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A mail to the holder of an account, not yet in the outbox.
pub(crate) fn mail_to(account: &Account, mail: Mail) -> Effects {
    let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW).about(account.id);
    Effects::with_mail(event, account.id, mail, &SystemRandom)
}

pub(crate) fn claim(store: &Store, lease: Lease, most: u32) -> Vec<ClaimedMessage> {
    store.claim_messages(&MessageClaim { lease, hold: HOLD, most }).unwrap()
}

pub(crate) fn begin(store: &Store, message: &ClaimedMessage, lease: &Lease) -> bool {
    store.begin_attempt(&Attempt { message, lease, hold: HOLD, secret: None }).unwrap()
}

fn end(store: &Store, message: MessageId, lease: &Lease, result: &AttemptResult) -> bool {
    store.end_attempt(message, lease, result).unwrap()
}

fn retry(after: Duration) -> AttemptResult {
    AttemptResult::Retry { after, failure: "450 later".to_owned() }
}

fn dead() -> AttemptResult {
    AttemptResult::Dead { failure: "550 no".to_owned() }
}

#[test]
fn a_mail_is_claimed_with_what_its_delivery_needs() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::PasswordChanged { address: ADDRESS })).unwrap();
        database.clock().advance(SECOND);
        store.append_effects(mail_to(&ada, Mail::VerifyEmail)).unwrap();
        let claimed = claim(store, ONE, 10);
        let [notice, link] = claimed.try_into().expect("both are due");
        assert_eq!(notice.recipient, ada.email);
        assert_eq!(notice.username.as_deref(), Some("ada"));
        assert_eq!((notice.at, notice.attempts), (NOW, 0));
        assert_eq!(notice.mail, Mail::PasswordChanged { address: ADDRESS });
        let alert = SecretSubject::Message { message: notice.id, account: ada.id };
        assert_eq!(notice.subject, Some(alert));
        assert_eq!(link.subject, Some(SecretSubject::Account(ada.id)));
    });
}

#[test]
fn a_mail_goes_to_the_address_of_its_time_whatever_the_account_has_later() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::PasswordChanged { address: ADDRESS })).unwrap();
        store.execute("UPDATE accounts SET email = 'eve@example.org'").unwrap();
        assert_eq!(claim(store, ONE, 1)[0].recipient, ada.email);

        let former = Email::parse("former@example.org").unwrap();
        let recipient = Recipient::Address { email: former.clone(), account: Some(ada.id) };
        let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW);
        let mail = Mail::EmailChanged { address: ADDRESS };
        let message = Message::about(&event, recipient, mail, &SystemRandom);
        store.append_effects(Effects { events: vec![event], messages: vec![message] }).unwrap();
        assert_eq!(claim(store, OTHER, 1)[0].recipient, former);
    });
}

#[test]
fn a_leased_mail_belongs_to_one_node_until_the_lease_ends() {
    TestDatabase::on_both(|database| {
        let (here, there) = (database.store(), database.connect());
        let ada = enrol(here, "ada");
        here.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let message = claim(here, ONE, 10).remove(0);
        assert!(claim(&there, OTHER, 10).is_empty());
        database.clock().advance(ALMOST);
        assert!(claim(&there, OTHER, 10).is_empty());
        assert!(begin(here, &message, &ONE), "an attempt renews the lease");
        database.clock().advance(ALMOST);
        assert!(claim(&there, OTHER, 10).is_empty());

        database.clock().advance(SECOND);
        let taken = claim(&there, OTHER, 10).remove(0);
        assert_eq!((taken.id, taken.attempts), (message.id, 1));
        assert!(!begin(here, &message, &ONE), "{database:?}");
        assert!(!end(here, message.id, &ONE, &AttemptResult::Delivered));
        assert!(begin(&there, &taken, &OTHER));
        assert!(end(&there, taken.id, &OTHER, &AttemptResult::Delivered));
        database.clock().advance(LONGEST_LEASE);
        assert!(claim(here, ONE, 10).is_empty(), "a delivered mail is never due again");
    });
}

#[test]
fn a_mail_that_was_given_back_is_due_at_once_and_has_used_no_attempt() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for _ in 0..3 {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        }
        let claimed = claim(store, ONE, 10);
        assert!(begin(store, &claimed[0], &ONE));
        assert!(end(store, claimed[0].id, &ONE, &AttemptResult::Delivered));
        assert!(begin(store, &claimed[1], &ONE));
        let ids = [claimed[0].id, claimed[2].id];
        store.release_messages(&OTHER, &ids).unwrap();
        assert!(claim(store, OTHER, 10).is_empty(), "the lease of another");
        store.release_messages(&ONE, &ids).unwrap();
        let again = claim(store, OTHER, 10);
        let attempts: Vec<_> = again.iter().map(|again| (again.id, again.attempts)).collect();
        assert_eq!(attempts, [(claimed[2].id, 0)]);
        assert!(end(store, claimed[1].id, &ONE, &AttemptResult::Delivered), "it is being sent");
    });
}

#[test]
fn a_failed_mail_waits_for_its_delay_and_a_dead_one_for_an_operator() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let message = claim(store, ONE, 1).remove(0);
        assert!(begin(store, &message, &ONE));
        assert!(end(store, message.id, &ONE, &retry(60 * SECOND)));
        database.clock().advance(59 * SECOND);
        assert!(claim(store, ONE, 1).is_empty());
        database.clock().advance(SECOND);
        let message = claim(store, ONE, 1).remove(0);
        assert_eq!(message.attempts, 1);
        assert!(begin(store, &message, &ONE));
        assert!(end(store, message.id, &ONE, &dead()));
        database.clock().advance(2 * LONGEST_DELAY);
        assert!(claim(store, ONE, 1).is_empty());
        let state = OutboxState { dead: 1, ..OutboxState::default() };
        assert_eq!(store.outbox_state().unwrap(), state);

        let letter = store.dead_letters(10).unwrap().remove(0);
        assert_eq!((letter.id, letter.kind.as_str(), letter.attempts), (message.id, "test", 2));
        assert_eq!(letter.recipient, ada.email.as_str());
        assert_eq!(letter.failure, "550 no");
    });
}

#[test]
fn a_resent_mail_has_all_attempts_again_and_the_resending_is_recorded_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for _ in 0..3 {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        }
        for message in claim(store, ONE, 3) {
            assert!(begin(store, &message, &ONE));
            assert!(end(store, message.id, &ONE, &dead()));
        }
        let effects = |resent: &ResentLetters| {
            let event = samples::event(EventKind::MailResent, Outcome::Success, NOW);
            Effects::from(event.by(operator().actor)).only_if(resent.due > 0)
        };
        let due = |which| store.resend(which, &effects).unwrap().due;
        let one = DeadLetters::One(store.dead_letters(1).unwrap()[0].id);
        assert_eq!([1, 0], [one; 2].map(due));
        assert_eq!(claim(store, ONE, 3)[0].attempts, 0);
        assert_eq!([2, 0], [DeadLetters::ALL; 2].map(due));
        assert_eq!(claim(store, OTHER, 3).len(), 2);
        assert_eq!(outcomes(store, "mail_resent"), ["success 2"]);
    });
}

#[test]
fn the_oldest_mail_that_waits_gives_the_age_of_the_outbox() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(store.outbox_state().unwrap(), OutboxState::default());
        let ada = enrol(store, "ada");
        for _ in 0..2 {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        }
        database.clock().advance(60 * SECOND);
        let state = store.outbox_state().unwrap();
        assert_eq!(state, OutboxState { waiting: 2, oldest: 60 * SECOND, dead: 0 });
    });
}

#[test]
fn a_clock_that_was_wrong_keeps_no_mail_for_longer_than_a_right_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let year = Duration::from_secs(365 * 24 * 3_600);
        for _ in 0..2 {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        }
        database.clock().set(NOW + year);
        let [first, second] = claim(store, ONE, 2).try_into().unwrap();
        assert!(begin(store, &first, &ONE));
        assert!(end(store, first.id, &ONE, &retry(60 * SECOND)));
        assert!(begin(store, &second, &ONE));
        // The clock is right again: the lease ends in a year, and so does the delay.
        database.clock().set(NOW + SECOND);
        let claimed = claim(store, OTHER, 2);
        assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), [second.id]);
        assert!(claim(store, [3; 16], 2).is_empty(), "this claim moves the far due time");
        assert_eq!(claim(store, [4; 16], 2)[0].id, first.id);
    });
}

#[test]
fn a_mail_of_a_later_version_stops_no_other_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let change = r#"UPDATE outbox SET payload = '{"kind":"of_tomorrow"}'"#;
        store.execute(change).unwrap();
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        assert_eq!(claim(store, ONE, 2).len(), 1);
        assert!(store.dead_letters(1).unwrap()[0].failure.contains("this version"));
    });
}

#[test]
fn a_mail_to_an_account_that_does_not_exist_any_more_is_dropped() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let nobody = samples::account("nobody");
        store.append_effects(mail_to(&nobody, Mail::Test)).unwrap();
        assert_eq!(count(store, "outbox"), 0);
    });
}

#[test]
fn delivered_mails_and_expired_secrets_are_removed_after_their_time() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::ResetPassword)).unwrap();
        let message = claim(store, ONE, 1).remove(0);
        let secret = NewSecret {
            purpose: SecretPurpose::ResetPassword,
            subject: message.subject.unwrap(),
            digest: Digest::of("a secret"),
            lifetime: 60 * SECOND,
        };
        let attempt = Attempt { message: &message, lease: &ONE, hold: HOLD, secret: Some(secret) };
        assert!(store.begin_attempt(&attempt).unwrap());
        assert!(end(store, message.id, &ONE, &AttemptResult::Delivered));

        database.clock().advance(60 * SECOND);
        let removed = |age| {
            let secrets = store.remove_mail_secrets(age, 10).unwrap();
            (secrets, store.remove_delivered_messages(age, 10).unwrap())
        };
        assert_eq!(removed(60 * SECOND), (0, 0));
        assert_eq!(store.remove_messages(Duration::ZERO, 10).unwrap(), 0, "it is delivered");
        database.clock().advance(SECOND);
        assert_eq!(removed(60 * SECOND), (0, 1));
        database.clock().advance(60 * SECOND);
        assert_eq!(removed(60 * SECOND), (1, 0));
        let digest = Digest::of("a secret");
        let found = store.find_mail_secret(SecretPurpose::ResetPassword, &digest).unwrap();
        assert_eq!(found, None);
    });
}
