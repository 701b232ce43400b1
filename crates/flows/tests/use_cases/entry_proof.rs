//! One entry of the audit log with its proof: intact, changed, or without what it could be compared with.

use std::sync::Arc;

use portcullis_audit::{EntryId, EntryVerdict, EventKind};
use portcullis_flows::audit::entry_proof::{EntryProofs, ProvenEntry};
use portcullis_testkit::{TestDatabase, samples};

use crate::administration::{by, decide, only_recorded, parties, recorded, sign_in};
use crate::checkpoint::checkpoints;
use crate::deployment::{DAY, Deployment, MINUTE};
use crate::trail::trail;

fn proofs(deployment: &Deployment) -> EntryProofs {
    EntryProofs::new(
        Arc::new(deployment.database.store().clone()),
        Arc::new(trail(deployment)),
        Arc::new(checkpoints(deployment)),
        vec![TestDatabase::audit_keys()],
    )
}

fn read(deployment: &Deployment, id: EntryId) -> ProvenEntry {
    proofs(deployment).read(&samples::operator(), id).unwrap().unwrap()
}

fn verdict(deployment: &Deployment, id: EntryId) -> EntryVerdict {
    read(deployment, id).proof.verdict
}

/// A deployment with three registrations in one chain, and their entries.
fn with_three(database: TestDatabase) -> (Deployment, [EntryId; 3]) {
    let deployment = Deployment::on(database);
    for name in ["ada", "bob", "carl"] {
        deployment.enrol(name);
    }
    let mut entries: Vec<_> =
        recorded(&deployment, EventKind::Registration).iter().map(|entry| entry.id).collect();
    // The order of the chain, whatever that of the ids of one moment is.
    entries.sort_by_key(|id| read(&deployment, *id).sequence);
    (deployment, entries.try_into().unwrap())
}

#[test]
fn an_entry_is_shown_with_its_place_its_neighbours_and_a_proof_and_the_reading_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        sign_in(&node, "ada");
        let signed_in = only_recorded(&deployment, EventKind::SignIn);
        let found = read(&deployment, signed_in.id);
        assert_eq!((found.entry.id, found.entry.subject), (signed_in.id, Some(ada.id)));
        assert_eq!(found.proof.verdict, EntryVerdict::Intact);
        assert_eq!(found.proof.computed, Some(found.link));
        assert_eq!(found.in_block, None);
        let previous = read(&deployment, found.previous.unwrap());
        assert_eq!((previous.chain, previous.sequence + 1), (found.chain, found.sequence));
        assert_eq!((previous.next, Some(previous.link)), (Some(signed_in.id), found.before));

        let readings = recorded(&deployment, EventKind::EventRead);
        assert_eq!(readings.len(), 2, "each one");
        let reading = readings.iter().find(|reading| reading.subject.is_some()).unwrap();
        assert_eq!(parties(reading), by(&samples::operator(), ada.id));
        let EntryId::Event(event) = signed_in.id else { panic!("a sign-in is an event") };
        let details = format!(r#"{{"event":"{event}"}}"#);
        assert_eq!(reading.details.as_deref(), Some(&*details));
    });
}

#[test]
fn an_unknown_entry_has_no_proof_and_its_reading_is_not_recorded() {
    let deployment = Deployment::new();
    let known =
        samples::event(EventKind::Refresh, portcullis_audit::Outcome::Success, samples::NOW);
    let decision = "00000000000000ff-1".parse().unwrap();
    for unknown in [EntryId::Event(known.id), EntryId::Decision(decision)] {
        let found = proofs(&deployment).read(&samples::operator(), unknown).unwrap();
        assert!(found.is_none());
    }
    assert_eq!(deployment.count("security_events"), 0);
}

#[test]
fn a_changed_entry_is_told_and_so_is_one_whose_predecessor_was_changed() {
    TestDatabase::on_both(|database| {
        let (deployment, [first, second, third]) = with_three(database);
        let all = || [first, second, third].map(|id| verdict(&deployment, id));
        let store = deployment.database.store();
        assert_eq!(all(), [EntryVerdict::Intact; 3]);
        let sequence = read(&deployment, second).sequence;
        let set = |outcome: &str| {
            let change = format!(
                "UPDATE security_events SET outcome = '{outcome}'
                 WHERE kind = 'registration' AND sequence = {sequence}"
            );
            store.execute(&change).unwrap();
        };
        set("wrong_password");
        assert_eq!(all(), [EntryVerdict::Intact, EntryVerdict::Changed, EntryVerdict::Intact]);
        set("success");
        assert_eq!(all(), [EntryVerdict::Intact; 3], "it is as it was sealed");

        let place = |sequence| format!("kind = 'registration' AND sequence = {sequence}");
        let other = read(&deployment, first).sequence;
        let link = format!(
            "UPDATE security_events SET link = (SELECT link FROM security_events WHERE {})
             WHERE {}",
            place(other),
            place(sequence)
        );
        store.execute(&link).unwrap();
        assert_eq!(all(), [EntryVerdict::Intact, EntryVerdict::Changed, EntryVerdict::Changed]);
    });
}

#[test]
fn an_entry_whose_predecessor_is_gone_cannot_be_compared() {
    TestDatabase::on_both(|database| {
        let (deployment, [first, second, _]) = with_three(database);
        let sequence = read(&deployment, first).sequence;
        let delete = format!(
            "DELETE FROM security_events WHERE kind = 'registration' AND sequence = {sequence}"
        );
        deployment.database.store().execute(&delete).unwrap();
        let found = read(&deployment, second);
        assert_eq!(found.proof.verdict, EntryVerdict::Unknown);
        assert_eq!((found.before, found.previous, found.proof.computed), (None, None, None));
        let gone = proofs(&deployment).read(&samples::operator(), first).unwrap();
        assert!(gone.is_none());
    });
}

#[test]
fn a_checkpoint_covers_what_was_there_before_it_and_tells_when_its_head_does_not_fit() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let entry = only_recorded(&deployment, EventKind::Registration).id;
        assert!(read(&deployment, entry).covered_by.is_none(), "no checkpoint yet");
        let made = checkpoints(&deployment).make(MINUTE).unwrap().unwrap();
        deployment.pass(DAY);
        deployment.enrol("bob");
        let both = recorded(&deployment, EventKind::Registration);
        let later = both.iter().map(|registered| registered.id).find(|id| *id != entry).unwrap();
        assert!(read(&deployment, later).covered_by.is_none(), "it is newer");
        let covering = read(&deployment, entry).covered_by.unwrap();
        assert_eq!((covering.checkpoint.number(), covering.fits), (made.number(), true));
        assert!(covering.head.sequence >= read(&deployment, entry).sequence);

        let head = format!(
            "DELETE FROM security_events WHERE chain = {} AND sequence = {}",
            covering.head.chain.as_i64(),
            covering.head.sequence
        );
        deployment.database.store().execute(&head).unwrap();
        let covering = read(&deployment, entry).covered_by.unwrap();
        assert!(!covering.fits, "somebody has shortened the chain");
        assert_eq!(verdict(&deployment, entry), EntryVerdict::Intact);
    });
}

#[test]
fn a_decision_is_proven_with_its_block_and_its_reading_names_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let decision = decide(&deployment, &node, &ada);
        let found = read(&deployment, EntryId::Decision(decision));
        assert_eq!((found.in_block, found.proof.verdict), (Some(1), EntryVerdict::Intact));
        assert_eq!(found.entry.id, EntryId::Decision(decision));
        assert_eq!(found.entry.resource.as_deref(), Some("schedule"));
        let reading = only_recorded(&deployment, EventKind::DecisionRead);
        assert_eq!(parties(&reading), by(&samples::operator(), ada.id));
        let details = format!(r#"{{"decision":"{decision}"}}"#);
        assert_eq!(reading.details.as_deref(), Some(&*details));
    });
}
