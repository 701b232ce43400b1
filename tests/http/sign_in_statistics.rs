//! The statistics of sign-ins, for auditors.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::member::Member;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn the_numbers_equal_those_of_an_export_and_name_accounts_and_addresses() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        for (name, times) in [("ada", 3), ("grace", 1), ("nobody", 2)] {
            for _ in 0..times {
                let failed = Browser::of(&server).sign_in_with(name, "not-the-password");
                assert_eq!(failed.status, 401);
                server.clock().advance(HOUR / 2);
            }
        }
        assert_eq!(Browser::of(&server).sign_in_with("ada", PASSWORD).status, 200);
        grace.sign_in_again("grace");
        server.clock().advance(Duration::from_secs(1));
        let found = grace.get("/api/admin/sign-ins").json();
        assert_eq!(found["step"], "hour");
        assert_eq!(found["buckets"].as_array().unwrap().len(), 25);
        let exported = sign_ins(&grace);
        assert_eq!(found["successes"], exported["success"]);
        for (outcome, number) in found["refusals"].as_object().unwrap() {
            assert_eq!(number, exported[outcome.as_str()], "{outcome}");
        }
        let refused = json!({ "wrong_password": 4, "unknown_account": 2 });
        assert_eq!(found["refusals"], refused, "{exported:?}");
        assert_eq!(found["without_account"], 2);
        let sum = |name: &str| {
            let buckets = found["buckets"].as_array().unwrap();
            buckets.iter().filter_map(|it| it["refusals"][name].as_u64()).sum::<u64>()
        };
        assert_eq!((sum("wrong_password"), sum("unknown_account")), (4, 2));
        let hours = found["refusals_by_hour_of_week"].as_array().unwrap();
        assert_eq!(hours.len(), 168);
        assert_eq!(hours.iter().map(|hour| hour.as_u64().unwrap()).sum::<u64>(), 6);
        let accounts = json!({ "others_at_most": null, "items": [
            { "account_id": ada.account.to_string(), "username": "ada", "refusals": 3 },
            { "account_id": grace.account.to_string(), "username": "grace", "refusals": 1 },
        ] });
        assert_eq!(found["top_accounts"], accounts);
        let addresses = &found["top_addresses"]["items"];
        assert_eq!(addresses, &json!([{ "address": "127.0.0.1", "refusals": 6 }]));

        let searched = grace.get("/api/admin/audit?kind=audit_searched").json();
        let items = searched["items"].as_array().unwrap();
        let filters = items.iter().map(|item| &item["details"]["filter"]);
        // The other one is that search itself.
        let [filter] = filters.filter(|filter| filter["kind"] == "sign_in").collect::<Vec<_>>()[..]
        else {
            panic!("{searched}")
        };
        assert_eq!(filter["from"], found["from"]);
    });
}

#[test]
fn a_period_is_not_empty_and_has_at_most_four_hundred_steps() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    for (query, field, code) in [
        ("from=2027-01-15T08:00:00Z&until=2027-01-15T08:00:00Z", "until", "not_after_from"),
        (
            "from=2027-01-15T08:00:00Z&until=2027-01-16T08:00:00Z&step=minute",
            "until",
            "out_of_range",
        ),
        ("from=2025-01-15T08:00:00Z&until=2027-01-16T08:00:00Z", "until", "out_of_range"),
        ("from=yesterday", "from", "malformed"),
        ("step=week", "step", "malformed"),
        ("to=2027-01-15T08:00:00Z", "to", "unknown"),
    ] {
        let refused = grace.get(&format!("/api/admin/sign-ins?{query}"));
        assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"), "{query}");
        let fault = (field.to_owned(), code.to_owned());
        assert_eq!(crate::registration::faults(&refused), [fault], "{query}");
    }
}

#[test]
fn whoever_may_not_read_the_audit_log_gets_no_numbers() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::new(&server, "ada", "msa");
    for path in ["/api/admin/sign-ins", "/api/admin/lockouts"] {
        let refused = ada.get(path);
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{path}");
        let body: Value = refused.json();
        let known = ["type", "title", "status", "code", "detail", "request_id", "decision_id"];
        let members = body.as_object().unwrap().keys();
        assert!(members.clone().all(|key| known.contains(&key.as_str())), "{body}");
    }
    let store = server.database().store();
    let recorded =
        "SELECT count(*) FROM security_events WHERE kind IN ('audit_searched', 'lockouts_listed')";
    assert_eq!(store.number(recorded).unwrap(), 0);
}

/// The sign-ins of the audit log by outcome, from its export.
fn sign_ins(auditor: &Member) -> BTreeMap<String, u64> {
    let exported = auditor.get("/api/admin/audit/export?kind=sign_in&format=jsonl");
    assert_eq!(exported.status, 200, "{}", exported.text);
    let mut outcomes = BTreeMap::new();
    for line in exported.text.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line is JSON");
        *outcomes.entry(entry["outcome"].as_str().expect("an outcome").to_owned()).or_default() +=
            1;
    }
    outcomes
}
