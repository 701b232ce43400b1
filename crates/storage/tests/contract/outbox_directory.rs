//! Contract of `OutboxDirectoryStore`: pages of the outbox, and mails that are sent again.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Clock, Email, MessageId, SystemRandom};
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::node::mail::{Mail, MailText};
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, ClaimedMessage, DeadLetterStore, DeadLetters, FailureClass, Lease,
    MailSearch, MailState, NewSecret, OutboxDirectoryStore, OutboxMail, OutboxStore, ResendResult,
    ResentLetters,
};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::outcomes;
use crate::member::enrol;
use crate::outbox::{ADDRESS, begin, claim, mail_to};

const SECOND: Duration = Duration::from_secs(1);
const ONE: Lease = [1; 16];
const OTHER: Lease = [2; 16];
const ALL: MailSearch = MailSearch { state: None, kind: None, before: None, most: 10 };

fn list(store: &Store, search: &MailSearch) -> Vec<OutboxMail> {
    store.mails(search).unwrap()
}

fn only(store: &Store) -> OutboxMail {
    let mut mails = list(store, &ALL);
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

/// Sends the mail again, and records it as the use case does.
fn resend(store: &Store, mail: MessageId) -> ResendResult {
    let effects = |result: &ResendResult| {
        let event = samples::event(EventKind::MailResent, Outcome::Success, NOW);
        Effects::from(event).only_if(matches!(result, ResendResult::Due(_)))
    };
    store.resend_mail(mail, &effects).unwrap()
}

fn send(store: &Store, lease: Lease, result: &AttemptResult) -> ClaimedMessage {
    let message = claim(store, lease, 1).remove(0);
    assert!(begin(store, &message, &lease));
    assert!(store.end_attempt(message.id, &lease, result).unwrap());
    message
}

fn dead() -> AttemptResult {
    AttemptResult::Dead { failure: "refused: 550 the text of the mail".to_owned() }
}

fn retry() -> AttemptResult {
    AttemptResult::Retry { after: 600 * SECOND, failure: "deferred: 450".to_owned() }
}

/// A mail to an address, whether or not an account has it.
fn mail_to_address(email: &str, mail: Mail) -> Effects {
    let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW);
    let recipient = Recipient::Address { email: Email::parse(email).unwrap(), account: None };
    let message = Message::about(&event, recipient, mail, &SystemRandom);
    Effects { events: vec![event], messages: vec![message] }
}

#[test]
fn a_queued_mail_waits_and_its_event_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let event = samples::event(EventKind::MailTested, Outcome::Success, NOW);
        let effects = Effects::with_mail(event.about(ada.id), ada.id, Mail::Test, &SystemRandom);
        store.queue_mails(&effects).unwrap();
        let mail = only(store);
        assert_eq!((mail.state, mail.account), (MailState::Waiting, Some(ada.id)));
        assert_eq!(outcomes(store, "mail_tested"), ["success 1"]);
    });
}

#[test]
fn pages_are_the_newest_first_and_each_filter_finds_its_mails() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let mut ids = Vec::new();
        for (seconds, mail, result) in [
            (1, Mail::Test, Some(dead())),
            (2, Mail::PasswordChanged { address: ADDRESS }, Some(AttemptResult::Delivered)),
            (3, Mail::Test, Some(retry())),
            (4, Mail::FactorsReset, None),
        ] {
            let at = NOW + seconds * SECOND;
            let event = samples::event(EventKind::PasswordChange, Outcome::Success, at);
            let effects = Effects::with_mail(event.about(ada.id), ada.id, mail, &SystemRandom);
            ids.push(effects.messages[0].id);
            store.append_effects(effects).unwrap();
            if let Some(result) = result {
                send(store, ONE, &result);
            }
        }
        let at = NOW + 5 * SECOND;
        let event = samples::event(EventKind::PasswordChange, Outcome::Success, at);
        let nobody = Message::about(&event, Recipient::Nobody, Mail::ResetPassword, &SystemRandom);
        ids.push(nobody.id);
        store.append_effects(Effects { events: vec![event], messages: vec![nobody] }).unwrap();

        let found = |search: MailSearch| -> Vec<_> {
            let mails = list(store, &search);
            mails.iter().map(|mail| ids.iter().position(|id| *id == mail.id).unwrap()).collect()
        };
        assert_eq!(found(ALL), [4, 3, 2, 1, 0], "{database:?}");
        assert_eq!(found(MailSearch { most: 2, ..ALL }), [4, 3]);
        assert_eq!(found(MailSearch { before: Some(ids[3]), most: 2, ..ALL }), [2, 1]);
        for (state, places) in [
            (MailState::Waiting, &[3, 2][..]),
            (MailState::Delivered, &[1]),
            (MailState::Dead, &[0]),
            (MailState::Void, &[4]),
        ] {
            assert_eq!(found(MailSearch { state: Some(state), ..ALL }), places, "{state:?}");
        }
        let tests = MailSearch { kind: Some("test"), ..ALL };
        assert_eq!(found(tests.clone()), [2, 0]);
        assert_eq!(found(MailSearch { state: Some(MailState::Dead), ..tests }), [0]);

        let mails = list(store, &ALL);
        let parts = |mail: &OutboxMail| (mail.state, mail.attempts, mail.failure);
        assert_eq!(parts(&mails[4]), (MailState::Dead, 1, Some(FailureClass::Refused)));
        assert_eq!(parts(&mails[2]), (MailState::Waiting, 1, Some(FailureClass::Deferred)));
        assert_eq!(mails[2].due_at, Some(NOW + 600 * SECOND));
        assert_eq!((mails[1].kind.as_str(), mails[1].attempts), ("factors_reset", 0));
        assert_eq!((mails[3].account, mails[3].due_at), (Some(ada.id), None));
        assert_eq!((mails[0].account, mails[0].due_at), (None, None));
        assert_eq!(mails[4].created_at, NOW + SECOND);
    });
}

#[test]
fn a_dead_letter_and_a_mail_that_waits_are_due_now_and_recorded_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for result in [dead(), retry()] {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
            let message = send(store, ONE, &result);
            assert!(claim(store, OTHER, 1).is_empty());
            database.clock().advance(SECOND);
            let ResendResult::Due(mail) = resend(store, message.id) else { panic!("{result:?}") };
            let now = database.clock().now();
            assert_eq!((mail.state, mail.attempts), (MailState::Waiting, 0));
            assert_eq!(mail.due_at, Some(now), "{database:?}");
            assert!(matches!(resend(store, message.id), ResendResult::Unchanged(_)));
            let again = send(store, ONE, &AttemptResult::Delivered);
            assert_eq!((again.id, again.attempts), (message.id, 0));
            assert_eq!(resend(store, message.id), ResendResult::Over, "it is delivered");
        }
        assert_eq!(outcomes(store, "mail_resent"), ["success 2"]);
        let unknown = MessageId::generate(NOW, &SystemRandom);
        assert_eq!(resend(store, unknown), ResendResult::Unknown);
    });
}

#[test]
fn a_mail_without_a_recipient_is_never_sent() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW);
        let nobody = Message::about(&event, Recipient::Nobody, Mail::ResetPassword, &SystemRandom);
        let id = nobody.id;
        store.append_effects(Effects { events: vec![event], messages: vec![nobody] }).unwrap();
        assert_eq!(resend(store, id), ResendResult::Over);
        assert!(claim(store, ONE, 1).is_empty());
    });
}

#[test]
fn what_a_code_or_link_is_for_and_is_gone_is_not_sent_again() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let samples = Mail::samples();
        let sample = |kind: &str| samples.iter().find(|mail| mail.kind() == kind).unwrap().clone();
        let of_nothing = ["verify_registration", "confirm_new_email", "invitation", "sign_in_code"];
        for kind in of_nothing {
            store.append_effects(mail_to(&ada, sample(kind))).unwrap();
            let message = send(store, ONE, &dead());
            assert_eq!(resend(store, message.id), ResendResult::Over, "{kind} {database:?}");
        }
        for mail in samples.iter().filter(|mail| !of_nothing.contains(&mail.kind())) {
            store.append_effects(mail_to(&ada, mail.clone())).unwrap();
            let message = send(store, ONE, &dead());
            let is_due = matches!(resend(store, message.id), ResendResult::Due(_));
            let is_verified = mail.kind() == "verify_email" && ada.email_verified;
            assert_eq!(is_due, !is_verified, "{mail:?} {database:?}");
            store.execute("DELETE FROM outbox").unwrap();
        }
    });
}

/// The operator of the command line and an administrator get the same result for every kind of mail.
#[test]
fn dead_letters_and_mails_of_the_directory_follow_one_rule() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let nothing = |_: &ResentLetters| Effects::default();
        let mut over = Vec::new();
        for mail in Mail::samples() {
            store.append_effects(mail_to(&ada, mail.clone())).unwrap();
            let message = send(store, ONE, &dead());
            let resent = store.resend(DeadLetters::One(message.id), &nothing).unwrap();
            assert_eq!(resent.due + resent.over, 1, "{mail:?} {database:?}");
            if resent.due == 1 {
                assert_eq!(send(store, ONE, &dead()).id, message.id);
            } else {
                over.push(message.id);
            }
            let is_due = matches!(resend(store, message.id), ResendResult::Due(_));
            assert_eq!(u64::from(is_due), resent.due, "{mail:?} {database:?}");
            if is_due {
                store.execute("DELETE FROM outbox WHERE dead_at IS NULL").unwrap();
            }
        }
        assert!(over.len() >= 4, "{over:?}");
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let useful = send(store, ONE, &dead());
        let all = store.resend(DeadLetters::ALL, &nothing).unwrap();
        assert_eq!((all.due, all.over), (1, u64::try_from(over.len()).unwrap()), "{database:?}");
        let none = store.resend(DeadLetters::All { after: all.last }, &nothing).unwrap();
        assert_eq!(none, ResentLetters::default());
        assert_eq!(claim(store, ONE, 10).iter().map(|it| it.id).collect::<Vec<_>>(), [useful.id]);
    });
}

#[test]
fn a_mail_without_an_account_is_sent_again() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let mail = Mail::NewDevice { address: ADDRESS, device: MailText::new("a phone") };
        store.append_effects(mail_to_address("nobody@example.org", mail)).unwrap();
        let message = send(store, ONE, &dead());
        assert!(matches!(resend(store, message.id), ResendResult::Due(_)));
    });
}

#[test]
fn a_link_of_an_account_is_not_sent_again_after_a_later_one_or_to_a_former_address() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let with_secret = |mail: &ClaimedMessage, text: &str| {
            let purpose = mail.mail.purpose().unwrap();
            let (subject, digest) = (mail.subject.unwrap(), Digest::of(text));
            let secret = Some(NewSecret { purpose, subject, digest, lifetime: 60 * SECOND });
            let attempt = Attempt { message: mail, lease: &ONE, hold: 60 * SECOND, secret };
            assert!(store.begin_attempt(&attempt).unwrap());
            assert!(store.end_attempt(mail.id, &ONE, &dead()).unwrap());
        };
        store.append_effects(mail_to(&ada, Mail::ResetPassword)).unwrap();
        let first = claim(store, ONE, 1).remove(0);
        with_secret(&first, "the first link");
        assert!(matches!(resend(store, first.id), ResendResult::Due(_)), "{database:?}");
        with_secret(&claim(store, ONE, 1)[0], "the first link, sent again");

        let later = samples::event(EventKind::PasswordChange, Outcome::Success, NOW + SECOND);
        let later =
            Effects::with_mail(later.about(ada.id), ada.id, Mail::ResetPassword, &SystemRandom);
        store.append_effects(later).unwrap();
        let second = claim(store, ONE, 1).remove(0);
        with_secret(&second, "the second link");
        assert_eq!(resend(store, first.id), ResendResult::Over, "{database:?}");
        assert!(matches!(resend(store, second.id), ResendResult::Due(_)));
        with_secret(&claim(store, ONE, 1)[0], "the second link, sent again");
        for change in ["email = 'eve@example.org'", "is_active = false"] {
            store.execute(&format!("UPDATE accounts SET {change}")).unwrap();
            assert_eq!(resend(store, second.id), ResendResult::Over, "{change} {database:?}");
            let restore = format!("UPDATE accounts SET email = '{}'", ada.email.as_str());
            store.execute(&restore).unwrap();
        }
    });
}

#[test]
fn a_mail_that_is_being_sent_keeps_its_lease() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let message = claim(store, ONE, 1).remove(0);
        assert!(begin(store, &message, &ONE));
        assert!(matches!(resend(store, message.id), ResendResult::Unchanged(_)));
        assert!(claim(store, OTHER, 1).is_empty(), "{database:?}");
        assert!(store.end_attempt(message.id, &ONE, &AttemptResult::Delivered).unwrap());
        assert_eq!(only(store).state, MailState::Delivered);
    });
}

#[test]
fn of_resends_at_once_one_makes_a_dead_letter_due_and_it_is_sent_once() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        let message = send(store, [99; 16], &dead());
        let results = at_once(12, |number| {
            if number % 2 == 0 {
                return (resend(store, message.id), 0);
            }
            let lease = [u8::try_from(number).expect("few of them") + 1; 16];
            let mut sent = 0;
            for claimed in claim(store, lease, 1) {
                assert!(begin(store, &claimed, &lease));
                let delivered = AttemptResult::Delivered;
                sent += u32::from(store.end_attempt(claimed.id, &lease, &delivered).unwrap());
            }
            (ResendResult::Unknown, sent)
        });
        let due = results.iter().filter(|(result, _)| matches!(result, ResendResult::Due(_)));
        assert_eq!(due.count(), 1, "{results:?} {database:?}");
        assert_eq!(outcomes(store, "mail_resent"), ["success 1"]);
        let rest = claim(store, [77; 16], 1).len();
        let sent: u32 = results.iter().map(|(_, sent)| *sent).sum();
        let is_delivered = u32::from(only(store).state == MailState::Delivered);
        assert_eq!((sent, rest), (is_delivered, usize::from(is_delivered == 0)), "{database:?}");
    });
}
