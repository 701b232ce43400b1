//! Tests of search and export of the audit log.

use std::sync::Arc;

use portcullis_audit::{Cursor, EntryId, EventKind, Filter, Outcome};
use portcullis_flows::audit::trail::AuditLog;
use portcullis_testkit::samples;

use crate::deployment::{Deployment, SECOND, by_name, guess};

pub(crate) fn trail(deployment: &Deployment) -> AuditLog {
    let store = Arc::new(deployment.database.store().clone());
    AuditLog::new(store, deployment.ambient())
}

/// The ids of all entries that match, read in pages of so many.
fn paged(trail: &AuditLog, filter: &Filter, most: usize) -> Vec<EntryId> {
    let mut ids = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = trail.search(&samples::operator(), filter, after, most).unwrap();
        assert!(page.entries.len() <= most);
        ids.extend(page.entries.iter().map(|entry| entry.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[test]
fn pages_hold_everything_once_and_newest_first() {
    let deployment = Deployment::new();
    let node = deployment.node();
    deployment.enrol("ada");
    for _ in 0..3 {
        node.sign_in.sign_in(&by_name("ada")).unwrap();
        node.sign_in.sign_in(&guess("ada")).unwrap_err();
        deployment.pass(SECOND);
    }
    let (trail, filter) =
        (trail(&deployment), Filter { kind: Some(EventKind::SignIn), ..Filter::default() });
    let whole = paged(&trail, &filter, 100);
    assert_eq!(whole.len(), 6);
    for most in [1, 2, 5, 6] {
        assert_eq!(paged(&trail, &filter, most), whole, "{most} a page");
    }
    let entries = trail.search(&samples::operator(), &filter, None, 100).unwrap().entries;
    assert!(entries.is_sorted_by(|newer, older| newer.at >= older.at));
}

#[test]
fn a_filter_says_whose_what_and_how_it_ended() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let (ada, _) = (deployment.enrol("ada"), deployment.enrol("grace"));
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    node.sign_in.sign_in(&by_name("grace")).unwrap();
    node.sign_in.sign_in(&guess("ada")).unwrap_err();
    let trail = trail(&deployment);
    let filter = Filter {
        subject: Some(ada.id),
        kind: Some(EventKind::SignIn),
        outcome: Some(Outcome::WrongPassword),
        ..Filter::default()
    };
    let page = trail.search(&samples::operator(), &filter, None, 100).unwrap();
    let [entry] = page.entries.as_slice() else { panic!("{page:?}") };
    assert_eq!((entry.subject, entry.outcome.as_ref()), (Some(ada.id), "wrong_password"));
    assert_eq!(entry.request_id, samples::origin().request_id.map(Into::into));
}

#[test]
fn reading_the_trail_is_in_the_trail_once_a_search() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let (trail, filter) = (trail(&deployment), Filter::default());
    paged(&trail, &filter, 1);
    assert_eq!(deployment.outcomes("audit_searched"), ["success 1"]);
    let format = portcullis_audit::ExportFormat::Csv;
    let exported = trail.export(&samples::operator(), &filter, format).unwrap().count();
    assert_eq!(deployment.outcomes("audit_exported"), ["success 1"]);
    assert_eq!(exported, 3, "the account, the search and the export itself");
}

#[test]
fn an_unknown_decision_is_not_found() {
    let deployment = Deployment::new();
    let wanted = "00000000000000ff-1".parse().unwrap();
    assert!(trail(&deployment).decision(&samples::operator(), wanted).unwrap().is_none());
    assert_eq!(deployment.count("security_events"), 0);
}
