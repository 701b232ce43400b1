//! Tests of changes of the address, on both databases.

use std::time::Duration;

use portcullis_domain::{Account, AccountId, SecretString, SessionId};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::account_change::AccountPatch;
use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::identity::email_change::{
    EmailChangeError, EmailChangeRequest, EmailConfirmationError,
};
use portcullis_flows::identity::password_change::PasswordChangeRequest;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationRequest};
use portcullis_testkit::samples::{self, origin};
use portcullis_testkit::{DeliveredMail, PASSWORD, TestDatabase, at_once};

use crate::deployment::{Deployment, Node, account_request, by_name};

const HOUR: Duration = Duration::from_secs(60 * 60);

const OTHER_PASSWORD: &str = "amber-walrus-paints-9-fences";

/// An account with a session at a node.
struct Holder {
    account: AccountId,
    session: SessionId,
}

#[test]
fn the_confirmed_address_is_the_one_that_the_link_went_to() {
    on_both(|deployment, node, ada| {
        ask(node, ada, "Ada@example.net").unwrap();
        let mails = deployment.database.mails();
        let mut kinds: Vec<_> =
            mails.iter().map(|mail| (mail.mail.kind(), mail.recipient.as_str())).collect();
        kinds.sort_unstable();
        assert_eq!(
            kinds,
            [
                ("confirm_new_email", "Ada@example.net"),
                ("email_change_requested", "ada@example.org"),
            ]
        );
        assert_eq!(address(deployment, ada), "ada@example.org", "nothing changes yet");
        node.sign_in.sign_in(&by_name("ada@example.org")).unwrap();

        let account = confirm(node, &link_of(&mails)).unwrap();
        assert!(account.email_verified);
        assert_eq!(
            (account.email.as_str(), &*address(deployment, ada)),
            ("Ada@example.net", "Ada@example.net")
        );
        let expected = Mail::EmailChanged { address: origin().address };
        let mails = deployment.database.mails();
        let notice = mails.iter().find(|mail| mail.mail == expected).expect("a notice");
        assert_eq!(notice.recipient, "ada@example.org");
        node.sign_in.sign_in(&by_name("ada@example.net")).unwrap();
        assert!(node.sign_in.sign_in(&by_name("ada@example.org")).is_err());
        let details = deployment.details("email_changed").remove(0);
        assert!(
            details.contains(r#""before":"ada@example.org","after":"Ada@example.net""#),
            "{details}"
        );
        assert_eq!(deployment.count("email_changes"), 0);
    });
}

#[test]
fn a_link_works_once_also_for_thirty_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (node, ada) = with_holder(&deployment, "ada");
        ask(&node, &ada, "ada@example.net").unwrap();
        let link = deployment.database.only_link();
        let results = at_once(30, |_| confirm(&node, &link));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_invalid(&node, &link);
        assert_eq!(deployment.outcomes("email_changed"), ["success 1"]);
    });
}

#[test]
fn a_link_ends_with_its_life_and_with_a_newer_change() {
    on_both(|deployment, node, ada| {
        ask(node, ada, "first@example.net").unwrap();
        let first = deployment.database.only_link();
        ask(node, ada, "second@example.net").unwrap();
        assert_invalid(node, &first);
        let second = deployment.database.only_link();
        assert_invalid(node, &first);
        confirm(node, &second).unwrap();
        assert_eq!(address(deployment, ada), "second@example.net");
        ask(node, ada, "third@example.net").unwrap();
        let third = deployment.database.only_link();
        deployment.pass(24 * HOUR);
        assert_invalid(node, &third);
        for text in ["", "x", "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs"] {
            assert_invalid(node, text);
        }
    });
}

#[test]
fn a_late_mail_of_an_earlier_change_takes_nothing_from_the_newer_one() {
    on_both(|deployment, node, ada| {
        ask(node, ada, "first@example.net").unwrap();
        ask(node, ada, "second@example.net").unwrap();
        let mails = deployment.database.mails();
        let link_to = |recipient: &str| {
            let mail = mails.iter().find(|mail| mail.recipient == recipient);
            mail.and_then(DeliveredMail::link).expect("the address got a link")
        };
        let (first, second) = (link_to("first@example.net"), link_to("second@example.net"));
        assert_invalid(node, first);
        assert_eq!(confirm(node, second).unwrap().email.as_str(), "second@example.net");
    });
}

#[test]
fn a_change_of_the_password_or_a_deactivation_ends_it() {
    on_both(|deployment, node, ada| {
        ask(node, ada, "ada@example.net").unwrap();
        let link = deployment.database.only_link();
        node.password_change
            .change(&PasswordChangeRequest {
                account: ada.account,
                session: ada.session,
                current: SecretString::from(PASSWORD),
                new: SecretString::from(OTHER_PASSWORD),
                device_token: None,
                origin: origin(),
            })
            .unwrap();
        assert_invalid(node, &link);

        let (_, grace) = with_holder(deployment, "grace");
        let store = deployment.database.store();
        let (_, admin) = with_holder(deployment, "admin-of-all");
        store
            .execute("UPDATE accounts SET role = 'admin' WHERE username = 'admin-of-all'")
            .unwrap();
        ask(node, &grace, "grace@example.net").unwrap();
        let link = link_of(&deployment.database.mails());
        let admin = samples::principal(admin.account, "admin");
        for is_active in [false, true] {
            let patch = AccountPatch { is_active: Some(is_active), ..AccountPatch::default() };
            node.account_changes.change(&admin, grace.account, &patch).unwrap();
            assert_invalid(node, &link);
        }
        assert_eq!(address(deployment, &grace), "grace@example.org");
    });
}

#[test]
fn a_confirmed_change_ends_the_other_links_of_the_account() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        node.registration.register(&account_request("ada")).unwrap();
        let verification = deployment.database.only_link();
        let ada = holder(&node, "ada");
        ask(&node, &ada, "ada@example.net").unwrap();
        let link = deployment.database.only_link();
        confirm(&node, &link).unwrap();
        let verified = node.verification.verify(&SecretString::from(verification), None, &origin());
        assert!(verified.is_err());
    });
}

#[test]
fn a_taken_address_is_not_told_and_its_holder_gets_a_notice() {
    on_both(|deployment, node, ada| {
        deployment.enrol("grace");
        ask(node, ada, "free@example.net").unwrap();
        let earlier = deployment.database.only_link();
        ask(node, ada, "GRACE@example.org").unwrap();
        let mails = deployment.database.mails();
        let mut kinds: Vec<_> =
            mails.iter().map(|mail| (mail.mail.kind(), mail.recipient.as_str())).collect();
        kinds.sort_unstable();
        assert_eq!(
            kinds,
            [
                ("email_change_requested", "ada@example.org"),
                ("registration_attempt", "grace@example.org"),
            ]
        );
        assert_invalid(node, &earlier);
        assert_eq!(deployment.outcomes("email_change_requested"), ["email_taken 1", "success 1"]);
    });
}

#[test]
fn an_address_that_is_taken_meanwhile_is_told_to_the_holder_of_the_link() {
    on_both(|deployment, node, ada| {
        ask(node, ada, "grace@example.org").unwrap();
        let link = deployment.database.only_link();
        deployment.enrol("grace");
        let taken = confirm(node, &link);
        assert!(matches!(taken, Err(EmailConfirmationError::EmailTaken)), "{taken:?}");
        assert_invalid(node, &link);
        assert_eq!(address(deployment, ada), "ada@example.org");
        assert_eq!(deployment.outcomes("email_changed"), ["email_taken 1"]);
        assert_eq!(deployment.count("email_changes"), 0);
        assert_eq!(deployment.count("mail_secrets WHERE purpose <> 'disavow'"), 0);
    });
}

#[test]
fn of_two_accounts_that_confirm_one_address_at_once_one_gets_it() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        for round in 0..6 {
            let wanted = format!("wanted{round}@example.net");
            let names = [0, 1].map(|number| format!("ada-{round}-{number}"));
            let node = deployment.node();
            let links = names.each_ref().map(|name| {
                deployment.enrol(name);
                ask(&node, &holder(&node, name), &wanted).unwrap();
                deployment.database.only_link()
            });
            let results = at_once(2, |number| confirm(&node, &links[number]));
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
            let holders = format!("accounts WHERE email = '{wanted}'");
            assert_eq!(deployment.count(&holders), 1);
        }
    });
}

#[test]
fn two_changes_of_an_account_at_once_leave_one() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (node, ada) = with_holder(&deployment, "ada");
        let results = at_once(8, |number| ask(&node, &ada, &format!("ada{number}@example.net")));
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(deployment.count("email_changes"), 1);
        let mails = deployment.database.mails();
        let links = mails.iter().filter_map(|mail| Some((mail.link()?, &mail.recipient)));
        let confirmed: Vec<_> = links.filter(|(link, _)| confirm(&node, link).is_ok()).collect();
        let [(_, recipient)] = confirmed.try_into().expect("one link works");
        assert_eq!(address(&deployment, &ada), *recipient);
    });
}

#[test]
fn the_current_password_is_required_and_its_failures_are_counted() {
    on_both(|deployment, node, ada| {
        let asking = |password: &str| {
            let EmailChangeRequest { caller, email } = request(ada, "ada@example.net");
            let current = CurrentCredential::Password(SecretString::from(password));
            let caller = ReauthenticationRequest { current, ..caller };
            node.email_change.request(&EmailChangeRequest { caller, email })
        };
        for _ in 0..6 {
            let wrong = asking(OTHER_PASSWORD);
            assert!(matches!(wrong, Err(EmailChangeError::Reauthentication(_))), "{wrong:?}");
        }
        let during_the_wait = asking(PASSWORD);
        assert!(matches!(during_the_wait, Err(EmailChangeError::Reauthentication(_))));
        assert!(deployment.database.mails().is_empty());
        deployment.pass(HOUR);
        asking(PASSWORD).unwrap();
        let outcomes = ["locked 2", "success 1", "wrong_password 5"];
        assert_eq!(deployment.outcomes("email_change_requested"), outcomes);
    });
}

#[test]
fn a_malformed_address_and_the_present_one_are_refused_and_another_spelling_is_a_change() {
    on_both(|deployment, node, ada| {
        for (email, code) in [("nowhere", "malformed"), ("ada@example.org", "unchanged")] {
            let refused = ask(node, ada, email);
            let Err(EmailChangeError::Invalid(fault)) = refused else { panic!("{refused:?}") };
            assert_eq!((fault.field(), FieldError::code(&fault)), ("email", code));
        }
        ask(node, ada, "Ada@Example.org").unwrap();
        confirm(node, &deployment.database.only_link()).unwrap();
        assert_eq!(address(deployment, ada), "Ada@Example.org");
    });
}

fn on_both(test: impl Fn(&Deployment, &Node, &Holder)) {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, ada) = with_holder(&deployment, "ada");
        test(&deployment, &node, &ada);
    });
}

fn with_holder(deployment: &Deployment, name: &str) -> (Node, Holder) {
    let node = deployment.node();
    deployment.enrol(name);
    let holder = holder(&node, name);
    (node, holder)
}

fn holder(node: &Node, name: &str) -> Holder {
    let session = node.sign_in.sign_in(&by_name(name)).unwrap().tokens.session;
    Holder { account: session.account_id, session: session.id }
}

fn request(holder: &Holder, email: &str) -> EmailChangeRequest {
    let caller = ReauthenticationRequest {
        account: holder.account,
        session: holder.session,
        current: CurrentCredential::Password(SecretString::from(PASSWORD)),
        origin: origin(),
    };
    EmailChangeRequest { caller, email: email.to_owned() }
}

fn ask(node: &Node, holder: &Holder, email: &str) -> Result<(), EmailChangeError> {
    node.email_change.request(&request(holder, email))
}

fn confirm(node: &Node, link: &str) -> Result<Account, EmailConfirmationError> {
    node.email_change.confirm(&SecretString::from(link), &origin())
}

fn link_of(mails: &[DeliveredMail]) -> String {
    mails.iter().find_map(DeliveredMail::link).expect("a mail has a link").to_owned()
}

fn address(deployment: &Deployment, holder: &Holder) -> String {
    let account = deployment.database.store().account(holder.account).unwrap();
    account.unwrap().email.as_str().to_owned()
}

fn assert_invalid(node: &Node, link: &str) {
    let result = confirm(node, link);
    assert!(matches!(result, Err(EmailConfirmationError::InvalidLink)), "{result:?}");
}
