//! Tests of account creation and import by the operator.

use portcullis_audit::EventKind;
use portcullis_domain::{AccountKind, Role, SecretString};
use portcullis_flows::identity::account_request::{
    AccountRequest, FieldError, RegistrationError, RegistrationMode,
};
use portcullis_flows::identity::provisioning::{
    Import, ImportResult, ImportRow, PersonKind, ProvisioningOptions, ServiceRequest,
};
use portcullis_flows::identity::registration::Creation;
use portcullis_flows::sign_in::SignInError;
use portcullis_testkit::{TestDatabase, samples};

use crate::administration::{only_recorded, parties};
use crate::deployment::{Deployment, Node, account_request, by_name, typing};

/// A known answer of libxcrypt, for `legacy user password`.
const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK";

const DONE: ImportResult = ImportResult::Tried(Creation::Done);

#[test]
fn an_operator_creates_accounts_of_any_role_and_kind_wherever_registration_is_closed() {
    let mut deployment = Deployment::new();
    deployment.rules.mode = RegistrationMode::Closed;
    let node = deployment.node();
    let faculty = Role::parse("faculty").unwrap();
    let options = ProvisioningOptions {
        role: faculty.clone(),
        kind: PersonKind::Developer,
        password_must_change: true,
    };
    let created = node.provisioning.create(&account_request("admin"), options);
    let account = created.unwrap();
    assert_eq!((&account.role, account.kind), (&faculty, AccountKind::Developer));
    assert!(account.password_must_change);
    let tokens = node.sign_in.sign_in(&by_name("admin")).unwrap().tokens;
    assert_eq!((tokens.account.role, tokens.account.kind), (faculty, AccountKind::Developer));
    assert_eq!(deployment.outcomes("account_created"), ["success 1"]);
}

#[test]
fn an_operator_is_held_to_the_form_of_names_and_to_the_password_policy() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let create = |request: &AccountRequest| {
        let role = Role::parse("msa").unwrap();
        let kind = PersonKind::User;
        node.provisioning
            .create(request, ProvisioningOptions { role, kind, password_must_change: false })
    };
    let weak = AccountRequest { password: SecretString::from("short"), ..account_request("ada") };
    for refused in [create(&weak), create(&account_request("a"))] {
        assert!(matches!(refused, Err(RegistrationError::Invalid(_))), "{refused:?}");
    }
    create(&account_request("ada")).unwrap();
    let taken = create(&account_request("ada"));
    assert!(matches!(taken, Err(RegistrationError::UsernameTaken)), "{taken:?}");
}

#[test]
fn imported_accounts_sign_in_with_the_passwords_they_had() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let imported =
        import(&node, &[row("ada", BCRYPT), row("grace", samples::password_hash().as_str())]);
    assert_eq!(imported, [DONE, DONE]);
    node.sign_in.sign_in(&typing("ada", "legacy user password")).unwrap();
    let tokens = node.sign_in.sign_in(&by_name("grace")).unwrap().tokens;
    assert_eq!(tokens.account.role.as_str(), "msa", "the role of those who register themselves");
    assert_eq!(deployment.outcomes("account_created"), ["success 2"]);
}

#[test]
fn an_import_that_was_interrupted_goes_on_where_it_stopped() {
    let deployment = Deployment::new();
    let rows = ["ada", "grace", "mary", "hedy"].map(|name| row(name, BCRYPT));
    assert_eq!(import(&deployment.node(), &rows[..2]), [DONE; 2]);
    let ada = samples::account("ada");
    deployment.node().sign_in.sign_in(&typing("ada", "legacy user password")).unwrap();
    let renewed = deployment.hash_of(&ada);
    let resumed = import(&deployment.node(), &rows);
    assert_eq!(resumed, [ImportResult::Present, ImportResult::Present, DONE, DONE]);
    assert_eq!(deployment.hash_of(&ada), renewed, "what happened since stays");
    assert_eq!(deployment.outcomes("account_created"), ["success 4"]);
}

#[test]
fn an_account_that_is_somebody_elses_is_no_sign_of_an_earlier_run() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let another_email = ImportRow { email: "new@example.org".to_owned(), ..row("ada", BCRYPT) };
    let another_name = ImportRow { email: "ada@example.org".to_owned(), ..row("grace", BCRYPT) };
    let imported = import(&deployment.node(), &[another_email, another_name, row("ada", BCRYPT)]);
    let expected = [
        ImportResult::Tried(Creation::UsernameTaken),
        ImportResult::Tried(Creation::EmailTaken),
        ImportResult::Present,
    ];
    assert_eq!(imported, expected);
}

#[test]
fn a_row_that_cannot_be_used_says_why() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let bad_hash = "the password hash cannot be used: is";
    let cases = [
        (ImportRow { username: "a".to_owned(), ..row("ada", BCRYPT) }, "the user name must have"),
        (ImportRow { email: "nowhere".to_owned(), ..row("ada", BCRYPT) }, "the email must be"),
        (ImportRow { display_name: Some(String::new()), ..row("ada", BCRYPT) }, "the display name"),
        (row("ada", "plain text"), bad_hash),
        (row("ada", "$1$md5$hash"), bad_hash),
        (row("ada", &BCRYPT[..40]), bad_hash),
        (
            row("ada", &BCRYPT.replace("$10$", "$13$")),
            "the password hash is bcrypt of cost 13, and 12 is the most",
        ),
    ];
    for (row, reason) in cases {
        let refused = node.provisioning.check_row(row.clone(), &samples::origin()).unwrap_err();
        assert!(refused.to_string().starts_with(reason), "{row:?}: {refused}");
    }
}

fn import(node: &Node, rows: &[ImportRow]) -> Vec<ImportResult> {
    let check = |row: &ImportRow| node.provisioning.check_row(row.clone(), &samples::origin());
    let batch: Vec<Import> = rows.iter().map(|row| check(row).unwrap()).collect();
    node.provisioning.import(&batch).unwrap()
}

fn row(name: &str, password_hash: &str) -> ImportRow {
    ImportRow {
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        display_name: None,
        role: None,
        password_hash: password_hash.to_owned(),
    }
}

fn service(name: &str, role: &str) -> ServiceRequest {
    ServiceRequest {
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        role: Role::parse(role).unwrap(),
        origin: samples::origin(),
    }
}

#[test]
fn a_service_account_has_no_password_and_nobody_signs_in_with_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        let feed = node.provisioning.create_service(&service("feed", "faculty")).unwrap();
        assert_eq!((feed.kind, feed.role.as_str()), (AccountKind::Service, "faculty"));
        assert_eq!(deployment.count("accounts WHERE password_hash IS NULL"), 1);
        let refused = node.sign_in.sign_in(&by_name("feed"));
        assert!(matches!(refused, Err(SignInError::Refused)), "{refused:?}");
        let event = only_recorded(&deployment, EventKind::AccountCreated);
        assert_eq!(parties(&event), ("operator".to_owned(), Some(feed.id)));
        let details = event.details.unwrap();
        assert!(details.contains(r#""after":"service""#), "{details}");
    });
}

#[test]
fn a_service_account_is_held_to_the_form_of_names_and_takes_no_name_of_others() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let create = |request: &ServiceRequest| node.provisioning.create_service(request);
    let malformed = ServiceRequest { email: "nowhere".to_owned(), ..service("a", "msa") };
    match create(&malformed) {
        Err(RegistrationError::Invalid(faults)) => {
            let fields: Vec<_> = faults.iter().map(FieldError::field).collect();
            assert_eq!(fields, ["username", "email"], "all faults at once");
        }
        other => panic!("{other:?}"),
    }
    deployment.enrol("ada");
    let taken = create(&service("ada", "msa"));
    assert!(matches!(taken, Err(RegistrationError::UsernameTaken)), "{taken:?}");
    let email = ServiceRequest { email: "ADA@example.org".to_owned(), ..service("feed", "msa") };
    let taken = create(&email);
    assert!(matches!(taken, Err(RegistrationError::EmailTaken)), "{taken:?}");
    assert_eq!(deployment.outcomes("account_created"), [""; 0]);
    assert_eq!(deployment.count("accounts"), 1);
}

#[test]
fn no_account_is_created_with_a_role_that_the_matrix_lacks() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let service = node.provisioning.create_service(&service("feed", "nurse"));
    assert!(matches!(service, Err(RegistrationError::Superseded)), "{service:?}");
    let options = ProvisioningOptions {
        role: Role::parse("nurse").unwrap(),
        kind: PersonKind::User,
        password_must_change: false,
    };
    let person = node.provisioning.create(&account_request("ada"), options);
    assert!(matches!(person, Err(RegistrationError::Superseded)), "{person:?}");
    assert_eq!(deployment.count("accounts"), 0);
}

#[test]
fn the_kinds_of_people_are_read_as_they_are_written_and_a_service_is_none() {
    for kind in PersonKind::ALL {
        assert_eq!(PersonKind::of(kind.as_str()), Some(kind));
    }
    assert_eq!(PersonKind::of("service"), None);
}
