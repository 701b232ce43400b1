//! Tampering: an intruder with write access and without a key cannot change entries unnoticed. The latest
//! exported checkpoint is enough to report the change.

use std::sync::Arc;

use portcullis_audit::{AuditKeys, Checkpoint, FaultKind};
use portcullis_domain::SecretString;
use portcullis_storage::{Database, DatabaseUrl, Store};
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::audited::{Run, event, faults, make_checkpoint, record, verify};

/// Kind, first and last sequence.
type Expected = (FaultKind, Option<u64>, Option<u64>);

/// Eight events in the first chain and three blocks of five decisions, a checkpoint after the first
/// half of each and one at the end, which is kept elsewhere.
fn trail(store: &Store) -> Checkpoint {
    let mut run = Run::start();
    let mut latest = None;
    for (events, blocks) in [(5, 2), (3, 1)] {
        (0..events).for_each(|_| record(store, &event(NOW)));
        (0..blocks).for_each(|_| drop(run.decide(store, 5, NOW)));
        latest = make_checkpoint(store, NOW);
    }
    latest.unwrap()
}

fn done_by(sql: &str, expected: &[Expected]) {
    TestDatabase::on_both(|database| {
        let held = trail(database.store());
        database.store().execute(sql).unwrap();
        let report = verify(database.store(), &[held]);
        let found = faults(&report);
        assert_eq!(found.is_empty(), expected.is_empty(), "{sql}\n{report}\n{database:?}");
        for fault in expected {
            assert!(found.contains(fault), "{fault:?} by {sql}\n{report}\n{database:?}");
        }
    });
}

const fn at(kind: FaultKind, sequence: u64) -> Expected {
    (kind, Some(sequence), Some(sequence))
}

const fn between(kind: FaultKind, first: u64, last: u64) -> Expected {
    (kind, Some(first), Some(last))
}

#[test]
fn an_untouched_trail_is_intact() {
    done_by("SELECT 1", &[]);
}

#[test]
fn a_change_of_any_column_of_an_event_is_found() {
    for column in [
        "id = subject",
        "at = (SELECT opened_at FROM audit_chains WHERE id = 0)",
        "kind = 'sign_in'",
        "kind = 'no such kind'",
        "actor = 'operator'",
        "subject = NULL",
        "subject = id",
        "session_id = NULL",
        "address = '192.0.2.8'",
        "user_agent = NULL",
        "request_id = 'another'",
        "outcome = 'locked'",
        "details = NULL",
        "link = (SELECT link FROM audit_chains WHERE link IS NOT NULL LIMIT 1)",
    ] {
        let sql = format!("UPDATE security_events SET {column} WHERE sequence = 3");
        done_by(&sql, &[at(FaultKind::Changed, 3)]);
    }
}

#[test]
fn a_change_of_any_column_of_a_block_is_found() {
    for column in [
        "first_ordinal = 7",
        "count = 4",
        "from_at = (SELECT opened_at FROM audit_chains WHERE id = 0)",
        "until_at = (SELECT opened_at FROM audit_chains WHERE id = 0)",
        "filter = payload",
        "payload = filter",
        "payload = (SELECT payload FROM decision_blocks WHERE sequence = 1)",
    ] {
        let sql = format!("UPDATE decision_blocks SET {column} WHERE sequence = 2");
        done_by(&sql, &[at(FaultKind::Changed, 2)]);
    }
}

#[test]
fn the_decision_inside_a_block_that_was_edited_is_named() {
    TestDatabase::on_both(|database| {
        let (store, held) = (database.store(), trail(database.store()));
        let is_sqlite = database.url().starts_with("sqlite:");
        let edited = if is_sqlite {
            "CAST(substr(payload, 1, length(payload) - 4) || x'00000000' AS blob)"
        } else {
            "substr(payload, 1, length(payload) - 4) || '\\x00000000'::bytea"
        };
        store
            .execute(&format!("UPDATE decision_blocks SET payload = {edited} WHERE sequence = 2"))
            .unwrap();
        let report = verify(store, &[held]);
        assert_eq!(faults(&report), [at(FaultKind::Changed, 2)]);
        let named = report.faults[0].entry.unwrap().to_string();
        assert!(named.ends_with("-10"), "{named}");
    });
}

#[test]
fn what_was_deleted_is_missed() {
    done_by("DELETE FROM security_events WHERE sequence = 3", &[at(FaultKind::Missing, 3)]);
    done_by(
        "DELETE FROM security_events WHERE sequence IN (3, 4)",
        &[between(FaultKind::Missing, 3, 4)],
    );
    done_by("DELETE FROM decision_blocks WHERE sequence = 2", &[at(FaultKind::Missing, 2)]);
}

#[test]
fn what_was_inserted_is_found() {
    let insert = |place: &str| {
        format!(
            "INSERT INTO security_events SELECT {place}, session_id, at, kind, actor, subject,
             session_id, address, user_agent, request_id, outcome, details, link
             FROM security_events WHERE sequence = 3"
        )
    };
    done_by(&insert("0, 9"), &[at(FaultKind::Inserted, 9)]);
    for place in ["-1, 3", "0, 0", "0, -5", "7, 1"] {
        done_by(&insert(place), &[at(FaultKind::Foreign, 1)]);
    }
}

#[test]
fn rows_that_changed_places_are_found() {
    let swap = |table: &str| {
        format!(
            "UPDATE {table} SET sequence = 1000 WHERE sequence = 1;
             UPDATE {table} SET sequence = 1 WHERE sequence = 2;
             UPDATE {table} SET sequence = 2 WHERE sequence = 1000"
        )
    };
    let moved = |belongs| FaultKind::Reordered { belongs: Some(belongs) };
    for table in ["security_events", "decision_blocks"] {
        done_by(&swap(table), &[at(moved(2), 1)]);
    }
}

#[test]
fn a_tail_that_was_cut_off_is_missed_even_if_the_list_of_chains_agrees() {
    let cut = "DELETE FROM security_events WHERE sequence > 6;";
    let agree = "UPDATE audit_chains SET sequence = 6, entries = 6, link =
                 (SELECT link FROM security_events WHERE sequence = 6) WHERE id = 0;";
    let truncated = [between(FaultKind::Truncated, 7, 8)];
    done_by(cut, &truncated);
    done_by(&format!("{cut}{agree}"), &truncated);
    let gone = "DELETE FROM decision_blocks; DELETE FROM audit_chains WHERE id >= 16";
    done_by(gone, &[between(FaultKind::ChainMissing, 1, 3)]);
}

#[test]
fn a_chain_without_its_row_in_the_list_is_foreign_and_a_row_that_lies_is_found() {
    done_by("DELETE FROM audit_chains WHERE id >= 16", &[between(FaultKind::Foreign, 1, 3)]);
    done_by("UPDATE audit_chains SET entries = 9 WHERE id = 0", &[at(FaultKind::HeadChanged, 8)]);
}

#[test]
fn what_was_done_to_checkpoints_is_found() {
    let edit = "UPDATE audit_checkpoints SET file = replace(file, '\"sequence\": 5', '\"sequence\": 6') WHERE number = 1";
    let none = (None, None);
    done_by(edit, &[(FaultKind::BadCheckpoint, none.0, none.1)]);
    done_by(
        "DELETE FROM audit_checkpoints WHERE number = 1",
        &[(FaultKind::CheckpointMissing, None, None)],
    );
    done_by(
        "DELETE FROM audit_checkpoints WHERE number = 2",
        &[(FaultKind::RolledBack, None, None)],
    );
}

#[test]
fn a_tail_that_was_written_anew_without_the_key_is_found() {
    TestDatabase::on_both(|database| {
        let (store, held) = (database.store(), trail(database.store()));
        let cut = "DELETE FROM security_events WHERE sequence > 5;
                   UPDATE audit_chains SET sequence = 5, entries = 5, link =
                   (SELECT link FROM security_events WHERE sequence = 5) WHERE id = 0";
        store.execute(cut).unwrap();
        let url = DatabaseUrl::parse(&SecretString::from(database.url())).unwrap();
        let keys = Arc::new(AuditKeys::new([3; 32], [4; 32]));
        let forger = Store::new(Database::new(&url, 1), keys);
        (0..3).for_each(|_| record(&forger, &event(NOW)));
        let report = verify(store, &[held]);
        assert_eq!(faults(&report), [between(FaultKind::Rebuilt, 6, 8)], "{report}");
    });
}

#[test]
fn an_older_state_that_was_restored_is_found_with_the_checkpoint_that_was_kept_elsewhere() {
    let tables = [
        "security_events",
        "decision_blocks",
        "audit_chains",
        "audit_checkpoints",
        "audit_checkpointed",
    ];
    TestDatabase::on_both(|database| {
        let store = database.store();
        trail(store);
        for table in tables {
            store.execute(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")).unwrap();
        }
        record(store, &event(NOW));
        let held = make_checkpoint(store, NOW).unwrap();
        for table in tables {
            let restore =
                format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old_{table}");
            store.execute(&restore).unwrap();
        }
        assert!(verify(store, &[]).is_intact(), "nobody can tell from the database alone");
        let report = verify(store, &[held]);
        let expected = [(FaultKind::RolledBack, None, None), at(FaultKind::Truncated, 9)];
        assert_eq!(faults(&report), expected, "{report}");
    });
}
