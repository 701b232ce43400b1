//! Contract of `PasswordResetStore`: a link changes one password, once.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::Account;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::password_reset::{
    PasswordResetResult, PasswordResetStore, PasswordResetUpdate,
};
use portcullis_flows::node::mail::Mail;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::mail_secret::{LIFETIME, send};
use crate::member::{SignIn, another_hash, counter, ended, ending, enrol, fail, hash_of};
use crate::outbox::mail_to;
use crate::password_change::change;

#[test]
fn a_reset_changes_the_password_and_everything_that_hangs_on_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        store.execute("UPDATE accounts SET password_must_change = true").unwrap();
        let sessions = [0, 1].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        SignIn::of(&grace, NOW).opened(store);
        let locked = LockoutPolicy { ceiling: 1, ..LockoutPolicy::default() };
        fail(store, &counter("strangers"), &locked, NOW);
        send(store, &ada, &Mail::ResetPassword, "link");
        send(store, &ada, &Mail::VerifyEmail, "of another purpose");

        let PasswordResetResult::Done { before, after, revoked } = reset(store, &ada, "link")
        else {
            panic!("it is not reset");
        };
        let mut expected = sessions;
        expected.sort();
        assert_eq!(ended(&revoked), expected);
        assert_eq!((before.email_verified, before.password_must_change), (false, true));
        assert_eq!((after.email_verified, after.password_must_change), (true, false));
        assert_eq!(store.account(ada.id).unwrap(), Some(*after));
        assert_eq!(hash_of(store, &ada), another_hash().as_str());
        let epochs = "SELECT username || ' ' || password_epoch FROM accounts ORDER BY username";
        assert_eq!(store.texts(epochs).unwrap(), ["ada 1", "grace 0"]);
        assert_eq!(ends(store), ["password_reset 2"]);
        assert_eq!(live_sessions(store), 1);
        assert_eq!(count(store, "sign_in_failures"), 0, "a permanent lockout ends");
        assert_eq!(count(store, "mail_secrets"), 0, "every other link is dead too");
        assert_eq!(outcomes(store, "password_reset"), ["success 1"]);
    });
}

#[test]
fn what_happened_since_the_mail_kills_the_link() {
    refuses("superseded 1", |store, ada| drop(reset(store, ada, "link")));
    refuses("superseded 1", |store, _| {
        store.execute("UPDATE accounts SET email = 'eve@example.org', email_key = 'e'").unwrap();
    });
    refuses("deactivated 1", |store, _| {
        store.execute("UPDATE accounts SET is_active = false").unwrap();
    });
    refuses("deactivated 1", |store, _| {
        store.execute("UPDATE accounts SET kind = 'service'").unwrap();
    });
    refuses("superseded 1", |store, ada| send(store, ada, &Mail::ResetPassword, "newer"));
    refuses("superseded 1", |store, ada| {
        let session = SignIn::of(ada, NOW).opened(store).session.id;
        change(store, ada, session, &another_hash());
    });
}

/// The refusal is recorded, and changes nothing.
fn refuses(outcome: &str, meanwhile: impl Fn(&Store, &Account)) {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        send(store, &ada, &Mail::ResetPassword, "link");
        meanwhile(store, &ada);
        let hash = "SELECT password_hash FROM accounts";
        store.execute("UPDATE accounts SET password_hash = 'of before'").unwrap();
        store.execute("DELETE FROM sessions").unwrap();
        let session = "SELECT count(*) FROM security_events WHERE kind = 'password_reset'";
        let events = store.number(session).unwrap();
        assert_eq!(reset(store, &ada, "link"), refused(outcome), "{outcome}");
        assert_eq!(store.number(session).unwrap(), events + 1);
        assert!(outcomes(store, "password_reset").contains(&outcome.to_owned()), "{outcome}");
        assert_eq!(store.texts(hash).unwrap(), ["of before"]);
    });
}

fn refused(outcome: &str) -> PasswordResetResult {
    let (word, _) = outcome.split_once(' ').unwrap();
    PasswordResetResult::Refused(word.parse().unwrap())
}

#[test]
fn a_link_is_for_one_account_and_its_time() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let superseded = PasswordResetResult::Refused(Outcome::Superseded);
        send(store, &ada, &Mail::ResetPassword, "link");
        let found = store.account_of_reset_link(&Digest::of("link")).unwrap().unwrap();
        assert_eq!(found.account, ada);
        assert_eq!(reset(store, &grace, "link"), superseded, "of another account");
        send(store, &ada, &Mail::ResetPassword, "late");
        database.clock().advance(LIFETIME);
        assert!(store.account_of_reset_link(&Digest::of("late")).unwrap().is_none());
        assert_eq!(reset(store, &ada, "late"), superseded);
        send(store, &ada, &Mail::VerifyEmail, "of another purpose");
        assert_eq!(reset(store, &ada, "of another purpose"), superseded);
        assert_eq!(hash_of(store, &ada), samples::password_hash().as_str());
    });
}

#[test]
fn an_invalid_link_resets_no_counter() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        fail(store, &counter("strangers"), &LockoutPolicy::default(), NOW);
        reset(store, &ada, "guessed");
        assert_eq!(count(store, "sign_in_failures"), 1);
    });
}

#[test]
fn a_reset_ends_a_permanent_lockout_of_codes_and_shortens_no_wait() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let codes = counter("factors");
        for (ceiling, left) in [(u32::MAX, 1), (1, 0)] {
            let policy = LockoutPolicy { ceiling, free_failures: 0, ..LockoutPolicy::default() };
            store.execute("DELETE FROM sign_in_failures").unwrap();
            fail(store, &codes, &policy, NOW);
            send(store, &ada, &Mail::ResetPassword, "link");
            reset(store, &ada, "link");
            assert_eq!(count(store, "sign_in_failures"), left, "{ceiling} of {database:?}");
        }
    });
}

#[test]
fn a_link_that_waits_in_the_outbox_does_not_outlive_a_change_of_the_password() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let waiting = || count(store, "outbox WHERE kind = 'reset_password'");
        let asking = SignIn::of(&ada, NOW).opened(store).session.id;
        store.append_effects(mail_to(&ada, Mail::ResetPassword)).unwrap();
        change(store, &ada, asking, &another_hash());
        assert_eq!(waiting(), 0);

        send(store, &ada, &Mail::ResetPassword, "link");
        store.append_effects(mail_to(&ada, Mail::ResetPassword)).unwrap();
        assert!(matches!(reset(store, &ada, "link"), PasswordResetResult::Done { .. }));
        assert_eq!(waiting(), 1, "only the delivered one is left");
    });
}

#[test]
fn of_thirty_resets_at_once_one_succeeds() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        send(store, &ada, &Mail::ResetPassword, "link");
        let results = at_once(30, |_| reset(store, &ada, "link"));
        let done =
            |result: &&PasswordResetResult| matches!(result, PasswordResetResult::Done { .. });
        assert_eq!(results.iter().filter(done).count(), 1, "{database:?}");
        assert_eq!(outcomes(store, "password_reset"), ["success 1", "superseded 29"]);
    });
}

/// A deadlock would be an error here.
#[test]
fn resets_and_the_deliveries_changes_and_sign_ins_beside_them_all_get_through() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for round in 0..5 {
            let link = format!("link {round}");
            send(store, &ada, &Mail::ResetPassword, &link);
            at_once(24, |number| match number % 6 {
                0 => drop(reset(store, &ada, &link)),
                1 => drop(SignIn::of(&ada, NOW).open(store)),
                2 => fail(store, &counter("strangers"), &LockoutPolicy::default(), NOW),
                3 => {
                    let session = SignIn::of(&ada, NOW).session.id;
                    drop(change(store, &ada, session, &another_hash()));
                }
                4 => store.append_effects(mail_to(&ada, Mail::ResetPassword)).unwrap(),
                _ => deliver(store, number),
            });
        }
    });
}

/// Begins attempts at whatever waits, as a node does.
fn deliver(store: &Store, number: usize) {
    use portcullis_flows::node::mail::SecretPurpose;
    use portcullis_flows::node::outbox::{Attempt, MessageClaim, NewSecret, OutboxStore};

    let lease = [u8::try_from(number).unwrap(); 16];
    let hold = Duration::from_secs(60);
    let claimed = store.claim_messages(&MessageClaim { lease, hold, most: 4 }).unwrap();
    for message in &claimed {
        let secret = NewSecret {
            purpose: SecretPurpose::ResetPassword,
            subject: message.subject.unwrap(),
            digest: Digest::of(&message.id.to_string()),
            lifetime: LIFETIME,
        };
        let attempt = Attempt { message, lease: &lease, hold, secret: Some(secret) };
        store.begin_attempt(&attempt).unwrap();
    }
    let claimed: Vec<_> = claimed.iter().map(|message| message.id).collect();
    store.release_messages(&lease, &claimed).unwrap();
}

/// Resets the password with this link to that of [`another_hash`].
pub(crate) fn reset(store: &Store, account: &Account, link: &str) -> PasswordResetResult {
    let kind = EventKind::PasswordReset;
    let event = samples::event(kind, Outcome::Success, NOW).about(account.id);
    let effects = |result: &PasswordResetResult| {
        let outcome = match result {
            PasswordResetResult::Done { .. } => Outcome::Success,
            PasswordResetResult::Refused(outcome) => *outcome,
        };
        samples::event(kind, outcome, NOW).about(account.id).into()
    };
    let update = PasswordResetUpdate {
        secret: &Digest::of(link),
        account: account.id,
        new: &another_hash(),
        counters: &[counter("strangers"), counter("known devices")],
        factors: &counter("factors"),
        ending: ending(kind, event.at),
        effects: &effects,
    };
    store.reset_password(&update).unwrap()
}
