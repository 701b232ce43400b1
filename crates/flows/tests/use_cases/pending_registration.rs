//! Tests of registrations that wait for their mailed link, on both databases.

use std::time::Duration;

use portcullis_domain::{Account, SecretString};
use portcullis_flows::identity::account_request::{
    AccountRequest, RegistrationError, RegistrationMode,
};
use portcullis_flows::identity::email_verification::VerificationError;
use portcullis_flows::identity::pending_registration::{NameChoice, PendingRegistrations};
use portcullis_flows::identity::registration::{Registered, RegistrationAnswer};
use portcullis_flows::node::mail::Mail;
use portcullis_testkit::samples::origin;
use portcullis_testkit::{PASSWORD, TestDatabase, at_once};

use crate::deployment::{Deployment, Node, account_request, by_name, typing};

const HOUR: Duration = Duration::from_secs(60 * 60);

const OTHER_PASSWORD: &str = "amber-walrus-paints-9-fences";

#[test]
fn an_account_exists_from_the_use_of_its_link() {
    on_both(|deployment| {
        let node = deployment.node();
        ask(&node, "Ada", "Ada@example.org");
        assert_eq!(deployment.count("accounts"), 0);
        assert!(node.sign_in.sign_in(&by_name("ada")).is_err());
        let [mail] = deployment.database.mails().try_into().expect("one mail");
        assert_eq!((mail.recipient.as_str(), &mail.username), ("Ada@example.org", &None));
        let Mail::VerifyRegistration { username, .. } = &mail.mail else { panic!("{mail:?}") };
        assert_eq!(username.as_str(), "ada", "the reader sees which name the link creates");

        let account = follow(&node, &mail.token.unwrap(), None).unwrap();
        assert_eq!((account.username.as_str(), account.email.as_str()), ("ada", "Ada@example.org"));
        assert!(account.is_active && account.email_verified);
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        assert_eq!(signed_in.tokens.account.id, account.id);
        assert_eq!(deployment.outcomes("registration_requested"), ["success 1"]);
        assert_eq!(deployment.outcomes("registration"), ["success 1"]);
        assert_eq!(deployment.count("pending_registrations"), 0);
        assert_eq!(deployment.count("mail_secrets"), 0);
    });
}

#[test]
fn the_owner_of_a_taken_address_gets_a_notice_and_the_caller_learns_nothing() {
    on_both(|deployment| {
        let node = deployment.node();
        let ada = deployment.enrol("ada");
        ask(&node, "eve", "ADA@example.org");
        let [mail] = deployment.database.mails().try_into().expect("one mail");
        assert_eq!(mail.mail, Mail::RegistrationAttempt { address: origin().address });
        assert_eq!(
            (mail.recipient.as_str(), mail.username.as_deref()),
            (ada.email.as_str(), Some("ada"))
        );
        assert_eq!(deployment.count("pending_registrations"), 0);
        assert_eq!(deployment.outcomes("registration_requested"), ["email_taken 1"]);

        // A taken name is not told either: only the holder of the link gets to know it.
        ask(&node, "ada", "other@example.org");
        let link = deployment.database.only_link();
        assert!(matches!(refused(&node, &link, None), RegistrationError::UsernameTaken));
    });
}

#[test]
fn an_address_gets_a_limited_number_of_mails_in_an_hour() {
    on_both(|deployment| {
        let node = deployment.node();
        let ada = deployment.enrol("ada");
        for number in 0..8 {
            ask(&node, &format!("eve{number}"), ada.email.as_str());
            ask(&node, &format!("mallory{number}"), "free@example.org");
        }
        assert_eq!(deployment.database.mails().len(), 10);
        let outcomes = ["email_taken 5", "limited 6", "success 5"];
        assert_eq!(deployment.outcomes("registration_requested"), outcomes);
        deployment.pass(HOUR);
        ask(&node, "eve", ada.email.as_str());
        assert_eq!(deployment.database.mails().len(), 1);
    });
}

#[test]
fn of_thirty_requests_at_once_five_send_a_mail() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = verified(database);
        let node = deployment.node();
        at_once(30, |number| ask(&node, &format!("ada{number}"), "ada@example.org"));
        assert_eq!(deployment.database.mails().len(), 5);
        assert_eq!(deployment.count("pending_registrations"), 5);
    });
}

#[test]
fn a_link_works_once_and_thirty_at_once_create_one_account() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = verified(database);
        let node = deployment.node();
        ask(&node, "ada", "ada@example.org");
        let link = deployment.database.only_link();
        let results = at_once(30, |_| follow(&node, &link, None));
        let (created, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((created.len(), refused.len()), (1, 29));
        for error in refused {
            assert!(matches!(error, Err(VerificationError::InvalidLink)), "{error:?}");
        }
        assert_eq!(deployment.count("accounts"), 1);
        assert!(matches!(follow(&node, &link, None), Err(VerificationError::InvalidLink)));
    });
}

#[test]
fn a_link_ends_with_its_life_and_with_a_newer_one_of_the_same_registration() {
    on_both(|deployment| {
        let node = deployment.node();
        ask(&node, "ada", "ada@example.org");
        let first = deployment.database.only_link();
        deployment.pass(HOUR);
        resend(&node, "ada@example.org");
        let second = deployment.database.only_link();
        assert!(matches!(follow(&node, &first, None), Err(VerificationError::InvalidLink)));
        deployment.pass(24 * HOUR);
        assert!(matches!(follow(&node, &second, None), Err(VerificationError::InvalidLink)));
        resend(&node, "ada@example.org");
        assert!(deployment.database.mails().is_empty(), "the registration has expired");
        assert_eq!(deployment.count("accounts"), 0);
    });
}

#[test]
fn a_second_registration_of_an_address_changes_nothing_about_the_first() {
    on_both(|deployment| {
        let node = deployment.node();
        ask(&node, "ada", "ada@example.org");
        let first = deployment.database.only_link();
        let request = AccountRequest {
            email: "ada@example.org".to_owned(),
            password: SecretString::from(OTHER_PASSWORD),
            ..account_request("mallory")
        };
        node.registration.register(&request).unwrap();
        let second = deployment.database.only_link();
        let account = follow(&node, &first, None).unwrap();
        assert_eq!(account.username.as_str(), "ada");
        assert!(node.sign_in.sign_in(&typing("ada", OTHER_PASSWORD)).is_err());
        node.sign_in.sign_in(&typing("ada", PASSWORD)).unwrap();
        assert!(matches!(refused(&node, &second, None), RegistrationError::EmailTaken));
        assert!(matches!(follow(&node, &second, None), Err(VerificationError::InvalidLink)));
        assert_eq!(deployment.count("pending_registrations"), 0);
    });
}

#[test]
fn two_links_of_one_address_at_once_create_one_account() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = verified(database);
        let node = deployment.node();
        let links = ["ada", "grace"].map(|name| {
            ask(&node, name, "ada@example.org");
            deployment.database.only_link()
        });
        let results = at_once(2, |number| follow(&node, &links[number], None));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(deployment.count("accounts"), 1);
    });
}

#[test]
fn the_holder_of_a_link_chooses_another_name_if_the_wished_one_is_taken() {
    on_both(|deployment| {
        let node = deployment.node();
        ask(&node, "ada", "ada@example.net");
        let link = deployment.database.only_link();
        deployment.enrol("ada");
        assert!(matches!(refused(&node, &link, None), RegistrationError::UsernameTaken));
        let bad = refused(&node, &link, Some(("ada", "short")));
        assert!(matches!(bad, RegistrationError::Invalid(_)), "{bad:?}");
        let account = follow(&node, &link, Some(("countess", OTHER_PASSWORD))).unwrap();
        assert_eq!(account.username.as_str(), "countess");
        assert_eq!(account.email.as_str(), "ada@example.net");
        node.sign_in.sign_in(&typing("countess", OTHER_PASSWORD)).unwrap();
        assert!(node.sign_in.sign_in(&typing("countess", PASSWORD)).is_err());
    });
}

#[test]
fn a_link_ends_after_ten_taken_names() {
    on_both(|deployment| {
        let node = deployment.node();
        deployment.enrol("ada");
        ask(&node, "ada", "ada@example.net");
        let link = deployment.database.only_link();
        for _ in 0..PendingRegistrations::MOST_REFUSED_NAMES {
            assert!(matches!(refused(&node, &link, None), RegistrationError::UsernameTaken));
        }
        assert!(matches!(follow(&node, &link, None), Err(VerificationError::InvalidLink)));
        assert_eq!(deployment.outcomes("registration"), ["success 1", "username_taken 10"]);
        assert_eq!(deployment.count("pending_registrations"), 0);
        assert_eq!(deployment.count("mail_secrets"), 0);
    });
}

#[test]
fn a_link_waits_while_registration_is_closed() {
    on_both(|mut deployment| {
        ask(&deployment.node(), "ada", "ada@example.org");
        let link = deployment.database.only_link();
        deployment.rules.mode = RegistrationMode::Closed;
        let error = refused(&deployment.node(), &link, None);
        assert!(matches!(error, RegistrationError::Closed), "{error:?}");
        deployment.rules.mode = RegistrationMode::Open;
        follow(&deployment.node(), &link, None).unwrap();
    });
}

#[test]
fn the_faults_of_names_and_passwords_are_told_at_once() {
    on_both(|deployment| {
        let request =
            AccountRequest { password: SecretString::from("short"), ..account_request("admin") };
        let refused = deployment.node().registration.register(&request);
        assert!(matches!(refused, Err(RegistrationError::Invalid(faults)) if faults.len() > 1));
        assert!(deployment.database.mails().is_empty());
    });
}

fn on_both(test: impl Fn(Deployment)) {
    TestDatabase::on_both(|database| test(verified(database)));
}

fn verified(database: TestDatabase) -> Deployment {
    Deployment { answer: RegistrationAnswer::Verified, ..Deployment::on(database) }
}

fn ask(node: &Node, username: &str, email: &str) {
    let request = AccountRequest { email: email.to_owned(), ..account_request(username) };
    let registered = node.registration.register(&request);
    assert!(matches!(registered, Ok(Registered::Requested)), "{registered:?}");
}

fn resend(node: &Node, email: &str) {
    let email = portcullis_domain::Email::parse(email).unwrap();
    node.verification.resend(&email, &origin()).unwrap();
}

fn follow(
    node: &Node,
    link: &str,
    choice: Option<(&str, &str)>,
) -> Result<Account, VerificationError> {
    let choice = choice.map(|(username, password)| NameChoice {
        username: username.to_owned(),
        password: SecretString::from(password),
    });
    let followed = node.verification.verify(&SecretString::from(link), choice, &origin());
    followed.map(|verified| verified.account)
}

fn refused(node: &Node, link: &str, choice: Option<(&str, &str)>) -> RegistrationError {
    match follow(node, link, choice) {
        Err(VerificationError::Account(error)) => error,
        other => panic!("{other:?}"),
    }
}
