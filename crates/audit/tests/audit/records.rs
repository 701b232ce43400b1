//! The sealed fields of an event.

use portcullis_audit::{
    Actor, AuditValue, Details, EventKind, EventRecord, ExportFormat, Filter, Fingerprint, Origin,
    Outcome, SecurityEvent,
};
use portcullis_domain::{
    Account, AccountId, AccountKind, DisplayName, Email, EventId, NetworkList, Role, SessionId,
    SystemRandom, Username,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::sample::{account, event, time};

fn records() -> impl Strategy<Value = EventRecord> {
    let text = || "[ab]{0,2}";
    let optional = || prop::option::of("[ab]{0,2}");
    let id = || prop::option::of((0..2_u128).prop_map(Uuid::from_u128));
    let texts = (text(), text(), text(), text(), optional(), optional(), optional());
    (0..2_u128, 0..2_i64, id(), id(), texts).prop_map(|(number, at, subject, session, texts)| {
        let (kind, actor, address, outcome, user_agent, request_id, details) = texts;
        EventRecord {
            id: EventId::from_uuid(Uuid::from_u128(number)),
            at: time(at),
            kind,
            actor,
            subject: subject.map(AccountId::from_uuid),
            session: session.map(SessionId::from_uuid),
            address,
            user_agent,
            request_id,
            outcome,
            details,
        }
    })
}

proptest! {
    #[test]
    fn two_records_never_have_one_payload(left in records(), right in records()) {
        prop_assert_eq!(left == right, left.payload() == right.payload());
    }
}

/// The bytes as published in docs/audit.md: a change of them is a change of the format.
#[test]
fn the_payload_follows_the_published_layout() {
    let record = EventRecord { session: None, details: None, ..event(1) };
    let mut expected = vec![1];
    expected.extend(Uuid::from_u128(1).as_bytes());
    expected.extend(1_800_000_001_000_000_i64.to_be_bytes());
    expected.extend(b"\0\0\0\x07sign_in\0\0\0\x06nobody\x01");
    expected.extend(account(1).as_uuid().as_bytes());
    expected.extend(b"\0\0\0\0\x09192.0.2.7\x01\0\0\0\x09samples/1\x01\0\0\0\x12");
    expected.extend(b"5f1c9a7e40d2b836-1\0\0\0\x0ewrong_password\0");
    assert_eq!(record.payload(), expected);
}

#[test]
fn an_event_becomes_the_columns_it_is_stored_in() {
    let origin = Origin {
        address: [192, 0, 2, 7].into(),
        user_agent: Some("samples/1".to_owned()),
        request_id: Some("r-1".to_owned()),
    };
    let session = SessionId::from_uuid(Uuid::from_u128(4));
    let (admin, kind) = (account(9), EventKind::MatrixActivated);
    let details =
        Details::Matrix { version: 3, digest: Fingerprint::from_bytes([1; 32]), previous: Some(2) };
    let event = SecurityEvent::new(kind, Outcome::Success, &origin, time(5), &SystemRandom)
        .about(account(1))
        .by(Actor::Account(admin))
        .in_session(session)
        .with(details);
    let digest = "01".repeat(32);
    let expected = EventRecord {
        id: event.id,
        at: time(5),
        kind: "matrix_activated".to_owned(),
        actor: admin.to_string(),
        subject: Some(account(1)),
        session: Some(session),
        address: "192.0.2.7".to_owned(),
        user_agent: Some("samples/1".to_owned()),
        request_id: Some("r-1".to_owned()),
        outcome: "success".to_owned(),
        details: Some(format!(r#"{{"version":3,"digest":"{digest}","previous":2}}"#)),
    };
    assert_eq!(EventRecord::from(&event), expected);
}

fn ada() -> Account {
    Account {
        id: account(1),
        username: Username::parse("ada").unwrap(),
        email: Email::parse("ada@example.org").unwrap(),
        display_name: None,
        kind: AccountKind::User,
        role: Role::parse("msa").unwrap(),
        is_active: true,
        is_blocked: false,
        email_verified: false,
        password_must_change: false,
        mfa_enabled: false,
        allowed_networks: NetworkList::default(),
        created_at: time(0),
        last_sign_in_at: None,
    }
}

#[test]
fn only_the_fields_that_differ_are_recorded() {
    let after = Account {
        role: Role::parse("admin").unwrap(),
        display_name: Some(DisplayName::parse("Ada L.").unwrap()),
        last_sign_in_at: Some(time(9)),
        ..ada()
    };
    let details = Details::of_account(Some(&ada()), &after);
    let display_name = r#"{"field":"display_name","before":null,"after":"Ada L."}"#;
    let role = r#"{"field":"role","before":"msa","after":"admin"}"#;
    let expected = format!(r#"{{"changes":[{display_name},{role}]}}"#);
    assert_eq!(details.to_json(), Some(expected));
    assert_eq!(Details::of_account(Some(&ada()), &ada()), Details::None);
}

#[test]
fn all_of_a_new_account_is_a_change() {
    let Details::Changes { changes, .. } = Details::of_account(None, &ada()) else {
        panic!("a new account without a field");
    };
    assert!(changes.iter().all(|change| change.before.is_none() && change.after.is_some()));
    let fields: Vec<_> = changes.iter().map(|change| change.field).collect();
    let unset = "display_name";
    assert!(fields.contains(&"role") && fields.contains(&"email") && !fields.contains(&unset));
}

type Change = fn(&mut Account);

#[test]
fn every_field_of_an_account_that_an_auditor_may_see_is_compared() {
    let changes: [(&str, Change); 8] = [
        ("username", |it| it.username = Username::parse("grace").unwrap()),
        ("email", |it| it.email = Email::parse("grace@example.org").unwrap()),
        ("display_name", |it| it.display_name = DisplayName::parse("Ada").ok()),
        ("kind", |it| it.kind = AccountKind::Developer),
        ("role", |it| it.role = Role::parse("admin").unwrap()),
        ("is_active", |it| it.is_active = false),
        ("email_verified", |it| it.email_verified = true),
        ("password_must_change", |it| it.password_must_change = true),
    ];
    for (field, change) in changes {
        let mut after = ada();
        change(&mut after);
        let Details::Changes { changes, .. } = Details::of_account(Some(&ada()), &after) else {
            panic!("{field}: no change");
        };
        assert_eq!(changes.iter().map(|it| it.field).collect::<Vec<_>>(), [field]);
        assert_ne!(changes[0].before, changes[0].after);
    }
}

#[test]
fn details_have_no_spaces_and_leave_out_what_is_not_there() {
    let filter = Filter { kind: Some(EventKind::SignIn), ..Filter::default() };
    let export = Details::Export { filter: filter.clone(), format: ExportFormat::JsonLines };
    let expected = r#"{"filter":{"kind":"sign_in"},"format":"json_lines"}"#;
    assert_eq!(export.to_json().as_deref(), Some(expected));
    let search = Details::Search { filter };
    assert_eq!(search.to_json().as_deref(), Some(r#"{"filter":{"kind":"sign_in"}}"#));
    assert_eq!(Details::None.to_json(), None);
    assert_eq!(AuditValue::from(true).as_str(), "true");
    assert_eq!(AuditValue::from(time(0)).as_str(), "2027-01-15T08:00:00Z");
}
