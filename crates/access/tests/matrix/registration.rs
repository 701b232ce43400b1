//! A matrix without a self-registration role, for a service without registration.

use portcullis_access::{DecisionContext, Escalation, Matrix};

const CLOSED: &str = "
resources = ['door']
actions = ['open', 'lock']
[roles.warden]
juniors = ['keeper']
grants = [{ resources = ['door'], actions = ['lock'] }]
[roles.keeper]
grants = [{ resources = ['door'], actions = ['open'], when = ['own'] }]
";

/// The same with a role for accounts that people create for themselves.
fn open_to(role: &str) -> Matrix {
    Matrix::parse(&format!("self_registration_role = '{role}'\n{CLOSED}")).unwrap()
}

#[test]
fn it_decides_exports_and_names_no_such_role() {
    let matrix = Matrix::parse(CLOSED).unwrap();
    assert_eq!(matrix.self_registration_role(), None);
    let context = DecisionContext::by("ann").owned_by("ann");
    assert!(matrix.decide_words("warden", "door", "open", &context).is_allowed());
    assert!(!matrix.decide_words("keeper", "door", "lock", &context).is_allowed());
    assert!(matrix.to_json().contains(r#""self_registration_role":null"#));
    assert!(!matrix.to_markdown().contains("registers itself"));
}

#[test]
fn whether_there_is_such_a_role_is_a_part_of_digest_and_difference() {
    let (closed, open) = (Matrix::parse(CLOSED).unwrap(), open_to("keeper"));
    assert_ne!(closed.digest(), open.digest());
    let role = Some("keeper".to_owned());
    assert_eq!(closed.diff(&open).self_registration_role, Some((None, role.clone())));
    assert_eq!(open.diff(&closed).self_registration_role, Some((role, None)));
    assert!(closed.diff(&closed).is_empty());
}

#[test]
fn to_let_people_register_gives_no_more_than_the_giver_holds() {
    let closed = Matrix::parse(&format!("{CLOSED}{WATCH}")).unwrap();
    let open = |role: &str| {
        Matrix::parse(&format!("self_registration_role = '{role}'\n{CLOSED}{WATCH}")).unwrap()
    };
    assert_eq!(closed.escalation("keeper", &open("keeper")), None);
    let refused = closed.escalation("keeper", &open("watch"));
    assert_eq!(refused, Some(Escalation::SelfRegistration { role: "watch".to_owned() }));
    assert_eq!(open("watch").escalation("keeper", &closed), None);
}

/// A role that may do what the keeper may not, and one above them all.
const WATCH: &str = "
[roles.watch]
grants = [{ resources = ['door'], actions = ['lock'], when = ['party'] }]
[roles.head]
juniors = ['warden', 'watch']
";
