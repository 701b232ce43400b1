//! Tests of the verification of addresses, on both databases.

use std::time::Duration;

use portcullis_domain::{Email, SecretString};
use portcullis_flows::identity::email_verification::VerificationError;
use portcullis_flows::identity::password_change::PasswordChangeRequest;
use portcullis_flows::identity::registration::Registered;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::sign_in::SignInError;
use portcullis_testkit::samples::origin;
use portcullis_testkit::{PASSWORD, TestDatabase, at_once};

use crate::deployment::{Deployment, Node, account_request, by_name, typing};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_new_account_gets_a_link_that_verifies_its_address() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        let Registered::Created(ada) = node.registration.register(&account_request("ada")).unwrap()
        else {
            panic!("it is created at once");
        };
        let [mail] = deployment.database.mails().try_into().expect("one mail");
        assert_eq!((&mail.mail, mail.recipient.as_str()), (&Mail::VerifyEmail, ada.email.as_str()));
        verify(&node, &mail.token.unwrap()).unwrap();
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        assert!(signed_in.tokens.account.email_verified);
        assert_eq!(deployment.outcomes("email_verified"), ["success 1"]);
        let change = r#"{"changes":[{"field":"email_verified","before":"false","after":"true"}]}"#;
        assert_eq!(deployment.details("email_verified"), [change]);
    });
}

#[test]
fn a_link_works_once_also_for_thirty_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (node, link) = with_link(&deployment);
        let results = at_once(30, |_| verify(&node, &link));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_invalid(&node, &link);
        assert_eq!(deployment.outcomes("email_verified"), ["success 1"]);
    });
}

#[test]
fn a_link_ends_with_its_life_and_with_a_newer_one() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, first) = with_link(&deployment);
        resend(&node, "ada@example.org");
        let second = deployment.database.only_link();
        assert_invalid(&node, &first);
        deployment.pass(24 * HOUR);
        assert_invalid(&node, &second);
        resend(&node, "ADA@example.org");
        verify(&node, &deployment.database.only_link()).unwrap();
    });
}

#[test]
fn a_link_ends_with_a_change_of_the_address_and_waits_while_the_account_is_deactivated() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, link) = with_link(&deployment);
        let store = deployment.database.store();
        for (change, undo) in [
            ("is_active = false", "is_active = true"),
            ("email = 'eve@example.org'", "email = 'ada@example.org'"),
        ] {
            store.execute(&format!("UPDATE accounts SET {change}")).unwrap();
            assert_invalid(&node, &link);
            assert_eq!(deployment.count("accounts WHERE email_verified"), 0);
            store.execute(&format!("UPDATE accounts SET {undo}")).unwrap();
        }
        verify(&node, &link).unwrap();
    });
}

#[test]
fn a_link_ends_with_a_change_of_the_password() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, link) = with_link(&deployment);
        let session = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session;
        node.password_change
            .change(&PasswordChangeRequest {
                account: session.account_id,
                session: session.id,
                current: SecretString::from(PASSWORD),
                new: SecretString::from("amber-walrus-paints-9-fences"),
                device_token: None,
                origin: origin(),
            })
            .unwrap();
        assert_invalid(&node, &link);
    });
}

#[test]
fn a_request_for_a_link_mails_nothing_to_verified_deactivated_and_unknown_addresses() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        for name in ["verified", "deactivated"] {
            deployment.enrol(name);
        }
        let store = deployment.database.store();
        let mark = "UPDATE accounts SET email_verified = true WHERE username = 'verified'";
        store.execute(mark).unwrap();
        store
            .execute("UPDATE accounts SET is_active = false WHERE username <> 'verified'")
            .unwrap();
        for name in ["verified", "deactivated", "nobody"] {
            resend(&node, &format!("{name}@example.org"));
        }
        assert!(deployment.database.mails().is_empty());
        assert_eq!(deployment.outcomes("verification_requested"), ["unknown_account 3"]);
    });
}

#[test]
fn an_address_gets_five_links_in_an_hour() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, _) = with_link(&deployment);
        for _ in 0..7 {
            resend(&node, "ada@example.org");
        }
        assert_eq!(deployment.database.mails().len(), 5);
        assert_eq!(deployment.outcomes("verification_requested"), ["limited 2", "success 5"]);
    });
}

#[test]
fn where_addresses_must_be_verified_the_right_password_alone_learns_it() {
    TestDatabase::on_both(|database| {
        let mut deployment = Deployment::on(database);
        deployment.requires_verified_email = true;
        let (node, link) = with_link(&deployment);
        let wrong = node.sign_in.sign_in(&typing("ada", "not-the-password"));
        assert!(matches!(wrong, Err(SignInError::Refused)), "{wrong:?}");
        let right = node.sign_in.sign_in(&by_name("ada"));
        assert!(matches!(right, Err(SignInError::Unverified)), "{right:?}");
        assert_eq!(deployment.outcomes("sign_in"), ["unverified 1", "wrong_password 1"]);
        assert_eq!(deployment.count("sessions"), 0);
        assert_eq!(deployment.count("accounts WHERE last_sign_in_at IS NOT NULL"), 0);

        // During a wait the right password gets the same refusal as a wrong one.
        for _ in 0..6 {
            let wrong = node.sign_in.sign_in(&typing("ada", "not-the-password"));
            assert!(matches!(wrong, Err(SignInError::Refused)), "{wrong:?}");
        }
        let right = node.sign_in.sign_in(&by_name("ada"));
        assert!(matches!(right, Err(SignInError::Refused)), "{right:?}");
        deployment.pass(HOUR);

        verify(&node, &link).unwrap();
        node.sign_in.sign_in(&by_name("ada")).unwrap();
    });
}

#[test]
fn an_operator_vouches_for_the_addresses_of_the_accounts_that_it_creates() {
    TestDatabase::on_both(|database| {
        let mut deployment = Deployment::on(database);
        deployment.requires_verified_email = true;
        deployment.enrol("ada");
        deployment.node().sign_in.sign_in(&by_name("ada")).unwrap();
    });
}

/// A node with an account whose link was mailed.
fn with_link(deployment: &Deployment) -> (Node, String) {
    let node = deployment.node();
    node.registration.register(&account_request("ada")).unwrap();
    let link = deployment.database.only_link();
    (node, link)
}

fn resend(node: &Node, email: &str) {
    node.verification.resend(&Email::parse(email).unwrap(), &origin()).unwrap();
}

fn verify(node: &Node, link: &str) -> Result<(), VerificationError> {
    node.verification.verify(&SecretString::from(link), None, &origin()).map(drop)
}

fn assert_invalid(node: &Node, link: &str) {
    let result = verify(node, link);
    assert!(matches!(result, Err(VerificationError::InvalidLink)), "{result:?}");
}
