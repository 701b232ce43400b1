//! The outbox as administrators and operators see it, and mails that are sent again.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::EventKind;
use portcullis_domain::MessageId;
use portcullis_flows::node::outbox::{
    DeadLetterAdministration, DeadLetters, FailureClass, MailSearch, MailState,
    OutboxAdministration, OutboxMail, OutboxState, OutboxWatch, ResendError, ResentLetters,
};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::account_change::admin;
use crate::administration::{by, only_recorded, parties};
use crate::deployment::{Deployment, MINUTE, Node};

fn outbox(deployment: &Deployment) -> OutboxAdministration {
    let store = Arc::new(deployment.database.store().clone());
    OutboxAdministration::new(store, deployment.ambient())
}

fn dead_letters(deployment: &Deployment) -> DeadLetterAdministration {
    let store = Arc::new(deployment.database.store().clone());
    DeadLetterAdministration::new(store, deployment.ambient())
}

const ALL: MailSearch = MailSearch { state: None, kind: None, before: None, most: 100 };

fn mails(deployment: &Deployment) -> Vec<OutboxMail> {
    outbox(deployment).list(&ALL).unwrap().mails
}

/// Somebody forgot the password of this address.
fn forgot(deployment: &Deployment, node: &Node, email: &str) {
    deployment.pass(Duration::from_millis(5));
    node.reset_requests.request(email, &samples::origin()).unwrap();
}

/// Makes every mail that waits a dead letter, as a refusal of the mail server does.
fn bury(deployment: &Deployment) {
    let bury = "UPDATE outbox SET dead_at = due_at, attempts = 140, \
                failure = 'refused: 550 the text of the mail' WHERE delivered_at IS NULL";
    deployment.database.store().execute(bury).unwrap();
}

/// A deployment with the dead letters of these people, the oldest first.
fn with_dead_letters(database: TestDatabase, names: &[&str]) -> (Deployment, Vec<MessageId>) {
    let deployment = Deployment::on(database);
    let node = deployment.node();
    for name in names {
        deployment.enrol(name);
        forgot(&deployment, &node, &format!("{name}@example.org"));
    }
    bury(&deployment);
    let ids = mails(&deployment).iter().rev().map(|mail| mail.id).collect();
    (deployment, ids)
}

#[test]
fn a_mail_is_listed_by_its_state_and_its_kind_without_its_address_and_its_content() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        forgot(&deployment, &node, "ada@example.org");
        forgot(&deployment, &node, "nobody@example.org");
        bury(&deployment);
        // The ids of mails are in the order of their times.
        deployment.pass(MINUTE);
        outbox(&deployment).send_test(&samples::operator(), ada.id).unwrap();
        let states: Vec<_> = mails(&deployment)
            .iter()
            .map(|mail| (mail.kind.clone(), mail.account, mail.state))
            .collect();
        let expected = [
            ("test", Some(ada.id), MailState::Waiting),
            ("reset_password", None, MailState::Void),
            ("reset_password", Some(ada.id), MailState::Dead),
        ];
        assert_eq!(
            states,
            expected.map(|(kind, account, state)| (kind.to_owned(), account, state))
        );

        let dead = MailSearch { state: Some(MailState::Dead), ..ALL };
        let found = outbox(&deployment).list(&dead).unwrap().mails;
        let [mail] = &found[..] else { panic!("{found:?}") };
        assert_eq!((mail.attempts, mail.failure), (140, Some(FailureClass::Refused)));
        assert_eq!(mail.due_at, None);
        let text = format!("{found:?}");
        assert!(!text.contains("example.org") && !text.contains("550"), "{text}");
        let tests = MailSearch { kind: Some("test"), ..ALL };
        assert_eq!(outbox(&deployment).list(&tests).unwrap().mails.len(), 1);
        for word in FailureClass::ALL.map(FailureClass::as_str) {
            assert!(word.chars().all(|letter| letter.is_ascii_lowercase()), "{word}");
        }
    });
}

#[test]
fn pages_have_every_mail_once_and_the_last_one_names_no_other() {
    TestDatabase::on_both(|database| {
        let (deployment, mut ids) = with_dead_letters(database, &["ada", "bob", "carl", "dora"]);
        ids.reverse();
        for most in 1..=5_u32 {
            let mut found = Vec::new();
            let mut before = None;
            loop {
                let page = outbox(&deployment).list(&MailSearch { before, most, ..ALL }).unwrap();
                assert!(!page.mails.is_empty(), "a page of {most} is never empty");
                found.extend(page.mails.iter().map(|mail| mail.id));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(found, ids, "{most} a page");
        }
    });
}

#[test]
fn a_test_mail_goes_the_way_of_every_other_one_and_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let outbox = outbox(&deployment);
        assert_eq!(outbox.latest_test().unwrap(), None);
        outbox.send_test(&admin, ada.id).unwrap();
        let event = only_recorded(&deployment, EventKind::MailTested);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let first = outbox.latest_test().unwrap().unwrap();
        assert_eq!((first.state, first.account), (MailState::Waiting, Some(ada.id)));

        let delivered = deployment.deliver();
        let [mail] = &delivered[..] else { panic!("{delivered:?}") };
        assert_eq!((mail.to.as_str(), mail.mail.kind()), ("ada@example.org", "test"));
        let sent = outbox.latest_test().unwrap().unwrap();
        assert_eq!((sent.id, sent.state), (first.id, MailState::Delivered));
        deployment.pass(MINUTE);
        outbox.send_test(&admin, ada.id).unwrap();
        assert_ne!(outbox.latest_test().unwrap().unwrap().id, first.id, "the latest one");
    });
}

#[test]
fn a_dead_letter_is_sent_again_once_and_what_is_over_is_not() {
    TestDatabase::on_both(|database| {
        let (deployment, ids) = with_dead_letters(database, &["ada"]);
        let admin = admin(&deployment);
        forgot(&deployment, &deployment.node(), "nobody@example.org");
        let outbox = outbox(&deployment);
        let (void, letter) = (mails(&deployment)[0].id, ids[0]);
        let due = outbox.resend(&admin, letter).unwrap();
        assert_eq!((due.state, due.attempts), (MailState::Waiting, 0), "with all attempts");
        assert_eq!(outbox.resend(&admin, letter).unwrap(), due, "it is due already");
        assert_eq!(deployment.deliver().len(), 1);
        for over in [letter, void] {
            let refused = outbox.resend(&admin, over);
            assert!(matches!(refused, Err(ResendError::Over)), "{refused:?}");
        }
        let unknown = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e19".parse().unwrap();
        let refused = outbox.resend(&admin, unknown);
        assert!(matches!(refused, Err(ResendError::Unknown)), "{refused:?}");
        assert!(deployment.deliver().is_empty());

        let event = only_recorded(&deployment, EventKind::MailResent);
        assert_eq!(parties(&event), by(&admin, due.account.unwrap()));
        let details = format!(r#"{{"messages":1,"message":"{letter}"}}"#);
        assert_eq!(event.details.as_deref(), Some(&*details));
    });
}

#[test]
fn of_eight_who_send_a_dead_letter_again_at_once_one_is_recorded_and_one_mail_is_sent() {
    TestDatabase::on_both_crowded(|database| {
        let (deployment, ids) = with_dead_letters(database, &["ada"]);
        let (operator, outbox) = (samples::operator(), outbox(&deployment));
        let results = at_once(8, |_| outbox.resend(&operator, ids[0]).unwrap().state);
        assert_eq!(results, [MailState::Waiting; 8]);
        assert_eq!(deployment.outcomes("mail_resent"), ["success 1"]);
        assert_eq!(deployment.deliver().len(), 1);
    });
}

/// The link of the mail would be refused.
#[test]
fn a_letter_whose_account_is_deactivated_stays_dead() {
    let (deployment, ids) = with_dead_letters(TestDatabase::sqlite(), &["ada"]);
    deployment.database.store().execute("UPDATE accounts SET is_active = false").unwrap();
    let refused = outbox(&deployment).resend(&samples::operator(), ids[0]);
    assert!(matches!(refused, Err(ResendError::Over)), "{refused:?}");
    assert_eq!(mails(&deployment)[0].state, MailState::Dead);
    assert_eq!(deployment.outcomes("mail_resent"), [""; 0]);
}

#[test]
fn the_operator_sends_all_dead_letters_again_or_one_of_them() {
    TestDatabase::on_both(|database| {
        let (deployment, ids) = with_dead_letters(database, &["ada", "bob", "carl"]);
        let letters = dead_letters(&deployment);
        let listed = letters.list(2).unwrap();
        let listed: Vec<_> = listed.iter().map(|letter| &*letter.recipient).collect();
        assert_eq!(listed, ["carl@example.org", "bob@example.org"], "the latest two");
        let operator = samples::operator();
        let resend = |which| letters.resend(&operator, which).unwrap();
        let one = resend(DeadLetters::One(ids[1]));
        assert_eq!((one.due, one.over), (1, 0));
        assert_eq!(resend(DeadLetters::One(ids[1])).due, 0, "it is dead no longer");
        assert_eq!(deployment.details("mail_resent"), [r#"{"messages":1}"#]);
        assert_eq!(deployment.deliver().len(), 1);

        let rest = resend(DeadLetters::ALL);
        assert_eq!((rest.due, rest.over), (2, 0));
        assert_eq!(resend(DeadLetters::ALL), ResentLetters::default(), "none is left");
        assert_eq!(deployment.outcomes("mail_resent"), ["success 2"], "nothing is no event");
        assert_eq!(deployment.deliver().len(), 2);
        assert!(letters.list(10).unwrap().is_empty());
    });
}

#[test]
fn the_watch_tells_what_it_read_last_and_nothing_before() {
    let (deployment, _) = with_dead_letters(TestDatabase::sqlite(), &["ada", "bob"]);
    deployment.enrol("carl");
    forgot(&deployment, &deployment.node(), "carl@example.org");
    let watch = OutboxWatch::new(Arc::new(deployment.database.store().clone()));
    assert_eq!(watch.state(), OutboxState::default());
    deployment.pass(MINUTE);
    watch.follow().unwrap();
    let expected = OutboxState { waiting: 1, oldest: MINUTE, dead: 2 };
    assert_eq!(watch.state(), expected);
    deployment.deliver();
    assert_eq!(watch.state(), expected, "as it was read");
    watch.follow().unwrap();
    assert_eq!(watch.state(), OutboxState { waiting: 0, oldest: Duration::ZERO, dead: 2 });
}
