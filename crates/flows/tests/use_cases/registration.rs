//! Tests of self-registration.

use portcullis_domain::{Account, AccountKind, SecretString};
use portcullis_flows::identity::account_request::{
    AccountRequest, FieldError, RegistrationError, RegistrationMode,
};
use portcullis_flows::identity::registration::Registered;
use portcullis_testkit::samples;

use crate::deployment::{Deployment, account_request, by_name, typing};

#[test]
fn whoever_registers_can_sign_in_and_has_the_role_for_them() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let request = AccountRequest {
        display_name: Some("Ada Lovelace".to_owned()),
        ..asking_for("Ada", "Ada@example.org")
    };
    let account = created(node.registration.register(&request));
    assert_eq!(account.username.as_str(), "ada");
    assert_eq!(account.email.as_str(), "Ada@example.org");
    assert_eq!(account.display_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    assert_eq!((account.role.as_str(), account.kind), ("msa", AccountKind::User));
    assert_eq!(account.created_at, deployment.now());
    assert!(account.is_active && !account.email_verified && !account.password_must_change);
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let signed_in = signed_in.tokens.account;
    assert_eq!(Account { last_sign_in_at: None, ..signed_in }, account);
    assert_eq!(deployment.outcomes("registration"), ["success 1"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_by_field_and_code() {
    let deployment = Deployment::new();
    let request = AccountRequest {
        username: "ab".to_owned(),
        email: "nowhere".to_owned(),
        password: SecretString::from("Password"),
        display_name: Some(" Ada".to_owned()),
        origin: samples::origin(),
    };
    let expected = [
        ("username", "too_short"),
        ("email", "malformed"),
        ("display_name", "malformed"),
        ("password", "too_short"),
        ("password", "too_common"),
        ("password", "too_guessable"),
    ];
    assert_eq!(faults(&deployment, &request), expected);
    assert_eq!(deployment.count("accounts") + deployment.count("security_events"), 0);
}

#[test]
fn each_fault_has_a_code_of_its_own() {
    let deployment = Deployment::new();
    let long = "x".repeat(300);
    let cases: [(&str, &str, Option<&str>, &str, &str); 11] = [
        (&long[..65], "a@example.org", None, "username", "too_long"),
        ("ada lovelace", "a@example.org", None, "username", "forbidden_character"),
        ("ad\u{202e}a", "a@example.org", None, "username", "forbidden_character"),
        ("admin", "a@example.org", None, "username", "reserved"),
        ("аdmin", "a@example.org", None, "username", "reserved"),
        ("ROOT", "a@example.org", None, "username", "reserved"),
        ("r00t", "a@example.org", None, "username", "reserved"),
        ("fuckface", "a@example.org", None, "username", "offensive"),
        ("ada", &long, None, "email", "too_long"),
        ("ada", "a@example.org", Some("line\nbreak"), "display_name", "forbidden_character"),
        ("ada", "a@example.org", Some("f u c k e r"), "display_name", "offensive"),
    ];
    for (username, email, display_name, field, code) in cases {
        let display_name = display_name.map(str::to_owned);
        let request = AccountRequest { display_name, ..asking_for(username, email) };
        assert_eq!(faults(&deployment, &request), [(field, code)], "{request:?}");
    }
}

#[test]
fn moderation_can_be_switched_off_and_reserved_names_stay_reserved() {
    let mut deployment = Deployment::new();
    deployment.rules.moderation = None;
    let node = deployment.node();
    node.registration.register(&asking_for("fuckface", "a@example.org")).unwrap();
    assert_eq!(
        faults(&deployment, &asking_for("admin", "b@example.org")),
        [("username", "reserved")]
    );
}

#[test]
fn a_taken_name_look_alike_or_email_is_told_apart() {
    let deployment = Deployment::new();
    deployment.enrol("paypal");
    let node = deployment.node();
    for name in ["paypal", "PAYPAL", "pаypаl", "paypa1"] {
        let taken = node.registration.register(&asking_for(name, "new@example.org"));
        assert!(matches!(taken, Err(RegistrationError::UsernameTaken)), "{name}: {taken:?}");
    }
    let taken = node.registration.register(&asking_for("ada", "PayPal@example.org"));
    assert!(matches!(taken, Err(RegistrationError::EmailTaken)), "{taken:?}");
    assert_eq!(deployment.count("accounts"), 1);
}

#[test]
fn nobody_registers_where_registration_is_not_open() {
    let refused = |mode| {
        let mut deployment = Deployment::new();
        deployment.rules.mode = mode;
        let refused = deployment.node().registration.register(&asking_for("ada", "a@example.org"));
        assert_eq!(deployment.count("accounts"), 0);
        refused.expect_err("registration is not open")
    };
    let error = refused(RegistrationMode::Invite);
    assert!(matches!(error, RegistrationError::InvitationRequired), "{error:?}");
    let error = refused(RegistrationMode::AdminOnly);
    assert!(matches!(error, RegistrationError::AdministratorsOnly), "{error:?}");
    let error = refused(RegistrationMode::Closed);
    assert!(matches!(error, RegistrationError::Closed), "{error:?}");
}

#[test]
fn a_password_over_1024_bytes_is_refused_unseen() {
    let deployment = Deployment::new();
    let request = AccountRequest {
        password: SecretString::from("x".repeat(1025)),
        ..asking_for("ab", "nowhere")
    };
    let refused = deployment.node().registration.register(&request);
    assert!(matches!(refused, Err(RegistrationError::PasswordTooLong)), "{refused:?}");
}

#[test]
fn a_password_is_the_same_however_its_letters_are_composed() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let composed = "violet \u{f6}tter plays 7 cellos";
    let request = AccountRequest {
        password: SecretString::from(composed),
        ..asking_for("ada", "a@example.org")
    };
    node.registration.register(&request).unwrap();
    let decomposed = "violet o\u{308}tter plays 7 cellos";
    node.sign_in.sign_in(&typing("ada", decomposed)).unwrap();
}

fn created(registered: Result<Registered, RegistrationError>) -> Account {
    let Ok(Registered::Created(account)) = registered else { panic!("{registered:?}") };
    *account
}

fn asking_for(username: &str, email: &str) -> AccountRequest {
    AccountRequest { email: email.to_owned(), ..account_request(username) }
}

fn faults(deployment: &Deployment, request: &AccountRequest) -> Vec<(&'static str, &'static str)> {
    let refused = deployment.node().registration.register(request);
    let Err(RegistrationError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    let of = |fault: &FieldError| (fault.field(), fault.code());
    faults.iter().map(of).collect()
}
