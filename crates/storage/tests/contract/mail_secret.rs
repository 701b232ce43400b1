//! Contract of `MailSecretStore`: one valid secret for each purpose and subject, spent once.

use std::time::Duration;

use portcullis_domain::Account;
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, MailSecret, MailSecretStore, NewSecret, OutboxStore,
};
use portcullis_storage::Store;
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::member::enrol;
use crate::outbox::{claim, mail_to};

pub(crate) const LIFETIME: Duration = Duration::from_secs(1_800);
const RESET: SecretPurpose = SecretPurpose::ResetPassword;

/// Delivers a mail of this kind to the account, with this secret.
pub(crate) fn send(store: &Store, account: &Account, mail: &Mail, secret: &str) {
    store.append_effects(mail_to(account, mail.clone())).unwrap();
    let lease = [7; 16];
    let message = claim(store, lease, 1).remove(0);
    let new = NewSecret {
        purpose: mail.purpose().unwrap(),
        subject: message.subject.unwrap(),
        digest: Digest::of(secret),
        lifetime: LIFETIME,
    };
    let hold = Duration::from_secs(60);
    let begin = Attempt { message: &message, lease: &lease, hold, secret: Some(new) };
    assert!(store.begin_attempt(&begin).unwrap());
    assert!(store.end_attempt(message.id, &lease, &AttemptResult::Delivered).unwrap());
}

fn redeem(store: &Store, purpose: SecretPurpose, secret: &str) -> Option<MailSecret> {
    store.redeem_mail_secret(purpose, &Digest::of(secret)).unwrap()
}

#[test]
fn a_secret_names_its_subject_and_the_address_it_went_to_and_works_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        send(store, &ada, &Mail::ResetPassword, "first");
        store.execute("UPDATE accounts SET email = 'eve@example.org'").unwrap();
        let expected = MailSecret {
            purpose: RESET,
            subject: SecretSubject::Account(ada.id),
            address: ada.email.clone(),
        };
        for _ in ["looking spends nothing", "however often"] {
            let found = store.find_mail_secret(RESET, &Digest::of("first")).unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
        }
        assert_eq!(redeem(store, SecretPurpose::VerifyEmail, "first"), None, "another purpose");
        assert_eq!(redeem(store, RESET, "First"), None);
        assert_eq!(redeem(store, RESET, "first"), Some(expected));
        assert_eq!(redeem(store, RESET, "first"), None);
        assert_eq!(store.find_mail_secret(RESET, &Digest::of("first")).unwrap(), None);
    });
}

#[test]
fn a_newer_secret_replaces_the_older_one_of_its_purpose_only() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, bob) = (enrol(store, "ada"), enrol(store, "bob"));
        send(store, &ada, &Mail::ResetPassword, "older");
        send(store, &ada, &Mail::VerifyEmail, "of another purpose");
        send(store, &bob, &Mail::ResetPassword, "of another account");
        send(store, &ada, &Mail::ResetPassword, "newer");
        assert_eq!(redeem(store, RESET, "older"), None);
        for (purpose, secret) in [
            (RESET, "newer"),
            (RESET, "of another account"),
            (SecretPurpose::VerifyEmail, "of another purpose"),
        ] {
            assert!(redeem(store, purpose, secret).is_some(), "{secret}");
        }
    });
}

#[test]
fn a_secret_ends_with_its_life_and_with_a_revocation() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        send(store, &ada, &Mail::ResetPassword, "late");
        database.clock().advance(LIFETIME);
        assert_eq!(redeem(store, RESET, "late"), None);
        send(store, &ada, &Mail::ResetPassword, "in time");
        send(store, &ada, &Mail::VerifyEmail, "in time too");
        let revoke = || store.revoke_mail_secrets(SecretSubject::Account(ada.id)).unwrap();
        assert_eq!([revoke(), revoke()], [2, 0]);
        assert_eq!(redeem(store, RESET, "in time"), None);
    });
}

#[test]
fn of_many_uses_at_once_one_succeeds() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        send(store, &ada, &Mail::ResetPassword, "contested");
        let redeemed = at_once(30, |_| redeem(store, RESET, "contested"));
        assert_eq!(redeemed.iter().flatten().count(), 1, "{database:?}");
    });
}
