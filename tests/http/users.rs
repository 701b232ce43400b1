//! Administration of accounts, and its effect on their tokens.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, at_once, samples};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

#[test]
fn another_role_voids_the_access_tokens_that_carry_the_old_one_and_leaves_the_sessions() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let bystander = Member::new(&server, "joan", "msa");
        let second = sign_in(&server, "ada");
        let changed = change(&admin, &ada, &json!({ "role": "coordinator" }));
        assert_eq!((changed.status, changed.field("role")), (200, "coordinator".to_owned()));

        for _ in ["at once", "after a restart"] {
            for token in [&ada.token, &second.field("access_token")] {
                let me = Browser::of(&server).get_as("/api/auth/me", token);
                assert_eq!(me.code(), "invalid_token");
            }
            let unharmed = Browser::of(&server).get_as("/api/auth/me", &bystander.token);
            assert_eq!(unharmed.status, 200);
            server.restart();
        }
        let refreshed = Browser::of(&server).refresh(&second.field("refresh_token"));
        assert_eq!(refreshed.json()["account"]["role"], "coordinator");
        assert_eq!(refreshed.field("session_id"), second.field("session_id"));
        for tokens in [refreshed, sign_in(&server, "ada")] {
            let token = tokens.field("access_token");
            let me = Browser::of(&server).get_as("/api/auth/me", &token);
            assert_eq!(me.status, 200, "a token of this very moment is not of before");
        }
    });
}

#[test]
fn a_deactivated_account_has_no_tokens_left_and_gets_none_back() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let bystander = Member::new(&server, "joan", "msa");
        let tokens = sign_in(&server, "ada");
        let changed = change(&admin, &ada, &json!({ "is_active": false }));
        assert_eq!((changed.status, &changed.json()["is_active"]), (200, &json!(false)));
        assert_eq!(sign_in(&server, "ada").code(), "invalid_credentials");

        for active in [false, true] {
            let answer = change(&admin, &ada, &json!({ "is_active": active }));
            assert_eq!(answer.status, 200);
            for token in [&ada.token, &tokens.field("access_token")] {
                assert_eq!(Browser::of(&server).get_as("/api/auth/me", token).status, 401);
            }
            let refresh = Browser::of(&server).refresh(&tokens.field("refresh_token"));
            assert_eq!(refresh.code(), "invalid_refresh_token");
        }
        server.restart();
        let fresh = sign_in(&server, "ada").field("access_token");
        for (token, status) in [(&ada.token, 401), (&fresh, 200), (&bystander.token, 200)] {
            assert_eq!(Browser::of(&server).get_as("/api/auth/me", token).status, status);
        }
    });
}

#[test]
fn a_changed_password_ends_every_session_and_only_its_own_answer_goes_on() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::new(&server, "ada", "msa");
        let bystander = Member::new(&server, "joan", "msa");
        let other = sign_in(&server, "ada");
        let body = json!({ "current_password": PASSWORD, "new_password": "amber-walrus-paints-9" });
        let changed = ada.post("/api/auth/password/change", &body);
        assert_eq!(changed.status, 200);
        let fresh = changed.field("access_token");
        for (token, status) in [
            (&ada.token, 401),
            (&fresh, 200),
            (&other.field("access_token"), 401),
            (&bystander.token, 200),
        ] {
            assert_eq!(Browser::of(&server).get_as("/api/auth/me", token).status, status);
        }
        let refresh = Browser::of(&server).refresh(&other.field("refresh_token"));
        assert_eq!(refresh.code(), "invalid_refresh_token");
    });
}

#[test]
fn an_administrator_ends_all_sessions_of_an_account() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let tokens = sign_in(&server, "ada");
        let path = format!("/api/admin/users/{}/sessions", ada.account);
        assert_eq!(admin.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
        let refresh = Browser::of(&server).refresh(&tokens.field("refresh_token"));
        assert_eq!(refresh.code(), "invalid_refresh_token");
        assert_eq!(admin.get("/api/auth/me").status, 200);
        assert_eq!(sign_in(&server, "ada").status, 200);
        let event = &events(&admin, "all_sessions_ended")[0];
        assert_eq!(event["actor"], admin.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
    });
}

#[test]
fn the_trail_shows_role_and_state_before_and_after() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    change(&admin, &ada, &json!({ "role": "rn", "is_active": false }));
    change(&admin, &ada, &json!({ "is_active": true }));
    change(&admin, &ada, &json!({ "role": "rn", "is_active": true }));
    for (kind, field, before, after) in [
        ("role_changed", "role", "msa", "rn"),
        ("account_deactivated", "is_active", "true", "false"),
        ("account_reactivated", "is_active", "false", "true"),
    ] {
        let events = events(&admin, kind);
        let [event] = events.as_slice() else { panic!("{kind}: {events:?}") };
        assert_eq!(event["actor"], admin.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
        assert_eq!(event["outcome"], "success");
        let change = json!({ "field": field, "before": before, "after": after });
        assert_eq!(event["details"]["changes"], json!([change]), "{kind}");
    }
}

#[test]
fn nobody_decides_about_themselves_and_an_administrator_remains() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    for body in [json!({ "role": "msa" }), json!({ "is_active": false })] {
        let answer = change(&admin, &admin, &body);
        assert_eq!((answer.status, answer.code().as_str()), (409, "last_administrator"));
    }
    let second = Member::new(&server, "ada", "admin");
    for body in [json!({ "role": "msa" }), json!({ "is_active": false })] {
        let answer = change(&admin, &admin, &body);
        assert_eq!((answer.status, answer.code().as_str()), (409, "own_account"));
    }
    assert_eq!(change(&admin, &admin, &json!({ "role": "admin", "is_active": true })).status, 200);
    assert_eq!(events(&admin, "role_changed").len(), 2, "what was tried is recorded");
    assert!(events(&admin, "role_changed").iter().all(|it| it["outcome"] == "against_rules"));
    assert_eq!(change(&admin, &second, &json!({ "role": "msa" })).status, 200);
    assert_eq!(admin.get("/api/auth/me").status, 200, "nothing of this harmed anybody else");
}

#[test]
fn a_role_that_was_changed_a_moment_ago_has_to_rest() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    let answers =
        ["rn", "msa", "rn", "msa"].map(|role| change(&admin, &ada, &json!({"role": role})));
    assert_eq!(answers[1].status, 200, "one may correct oneself");
    assert_eq!((answers[3].status, answers[3].code().as_str()), (409, "role_just_changed"));
    assert_eq!(change(&admin, &ada, &json!({ "is_active": false })).status, 200);
}

#[test]
fn nobody_raises_an_account_above_themselves_or_touches_a_senior_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let coordinator = Member::new(&server, "joan", "coordinator");
    let ada = Member::new(&server, "ada", "msa");
    let text = samples::MATRIX.replacen(
        "    { resources = [\"assignment\"]",
        "    { resources = [\"user\"], actions = [\"read\", \"update\", \"approve\", \"reject\"] },\n    \
         { resources = [\"assignment\"]",
        1,
    );
    let version = admin.post("/api/admin/matrix/versions", &json!({ "text": text })).json();
    assert_eq!(admin.post("/api/admin/matrix/activate", &version).status, 200);

    for (account, body) in [
        (&ada, json!({ "role": "admin" })),
        (&admin, json!({ "role": "msa" })),
        (&admin, json!({ "is_active": false })),
    ] {
        let answer = change(&coordinator, account, &body);
        assert_eq!((answer.status, answer.code().as_str()), (403, "above_own_role"), "{body}");
    }
    let path = format!("/api/admin/users/{}/sessions", admin.account);
    assert_eq!(coordinator.send("DELETE", &path, &[], "").code(), "above_own_role");
    assert_eq!(admin.get("/api/auth/me").status, 200);
    for role in ["rn", "coordinator"] {
        assert_eq!(change(&coordinator, &ada, &json!({ "role": role })).status, 200, "{role}");
    }
}

#[test]
fn what_is_not_there_or_not_understood_is_said() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    for role in ["nurse", "Admin", "", "msa "] {
        let answer = change(&admin, &ada, &json!({ "role": role }));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{role}");
        assert_eq!(faults(&answer), [("role".to_owned(), "unknown_role".to_owned())]);
        assert!(answer.text.contains("coordinator"), "says which there are");
    }
    for body in [json!({ "kind": "service" }), json!({ "is_active": "no" }), json!({ "role": 1 })] {
        assert_eq!(change(&admin, &ada, &body).code(), "invalid_request", "{body}");
    }
    for id in ["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11", "1", "%20"] {
        let path = format!("/api/admin/users/{id}");
        assert_eq!(admin.get(&path).code(), "not_found", "{id}");
        let json = [("content-type", "application/json")];
        let body = r#"{"is_active":false}"#;
        assert_eq!(admin.send("PATCH", &path, &json, body).code(), "not_found", "{id}");
        let path = format!("{path}/sessions");
        assert_eq!(admin.send("DELETE", &path, &[], "").code(), "not_found", "{id}");
    }
    let shown = admin.get(&format!("/api/admin/users/{}", ada.account));
    assert_eq!((shown.status, shown.field("username")), (200, "ada".to_owned()));
}

#[test]
fn each_power_over_accounts_is_a_permission_of_its_own() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    let joan = Member::new(&server, "joan", "coordinator");
    let (role, state) = (json!({ "role": "rn" }), json!({ "is_active": true }));
    for (actions, expected) in [
        (r#""read""#, [200, 403, 403, 403]),
        (r#""read", "update""#, [200, 403, 200, 403]),
        (r#""read", "approve""#, [200, 200, 403, 403]),
        (r#""read", "reject""#, [200, 403, 403, 204]),
        // A caller who may not read an account gets no data of it by a change either.
        (r#""update", "approve", "reject""#, [403, 403, 403, 204]),
    ] {
        let grant = format!("    {{ resources = [\"user\"], actions = [{actions}] }},\n");
        let place = "    { resources = [\"assignment\"]";
        let text = samples::MATRIX.replacen(place, &format!("{grant}{place}"), 1);
        let version = admin.post("/api/admin/matrix/versions", &json!({ "text": text })).json();
        assert_eq!(admin.post("/api/admin/matrix/activate", &version).status, 200);
        let path = format!("/api/admin/users/{}", ada.account);
        let answers = [
            joan.get(&path),
            change(&joan, &ada, &role),
            change(&joan, &ada, &state),
            joan.send("DELETE", &format!("{path}/sessions"), &[], ""),
        ];
        assert_eq!(answers.clone().map(|answer| answer.status), expected, "{actions}");
        for refused in answers.iter().filter(|answer| answer.status == 403) {
            assert_eq!(refused.code(), "forbidden");
            assert!(!refused.text.contains("example.org"), "{}", refused.text);
        }
        let both = change(&joan, &ada, &json!({ "role": "rn", "is_active": true }));
        assert_eq!(both.status, 403, "{actions}: it takes both permissions");
        server.clock().advance(Duration::from_secs(4));
    }
}

#[test]
fn a_change_of_nothing_is_refused_and_shows_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    for body in [json!({}), json!({ "role": null }), json!({ "role": null, "is_active": null })] {
        let answer = change(&admin, &ada, &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        assert!(!answer.text.contains("ada"), "{}", answer.text);
    }
}

#[test]
fn who_read_about_whom_is_in_the_trail() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let decision = ada.check("schedule", "read").field("decision_id");
        let own = format!("subject={}", ada.account);
        assert_eq!(admin.get(&format!("/api/admin/users/{}", ada.account)).status, 200);
        assert_eq!(change(&admin, &ada, &json!({ "role": "msa" })).status, 200);
        assert_eq!(admin.get(&format!("/api/admin/decisions/{decision}")).status, 200);
        assert_eq!(admin.get(&format!("/api/admin/audit?{own}&kind=sign_in")).status, 200);
        let export = format!("/api/admin/audit/export?format=jsonl&{own}&kind=sign_in");
        assert_eq!(admin.get(&export).status, 200);
        let nobody = "/api/admin/users/019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11";
        assert_eq!(admin.get(nobody).status, 404);
        for (kind, times) in [
            ("account_read", 2),
            ("decision_read", 1),
            ("audit_searched", 1),
            ("audit_exported", 1),
        ] {
            let events = events(&admin, kind);
            let about: Vec<_> =
                events.iter().filter(|it| it["subject"] == ada.account.to_string()).collect();
            assert_eq!(about.len(), times, "{kind}: {events:?}");
            let by = |it: &&&Value| it["actor"] == admin.account.to_string();
            assert_eq!(about.iter().filter(by).count(), times, "{kind}");
        }
    });
}

#[test]
fn two_administrators_who_remove_each_other_at_once_leave_one() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        for (round, body) in [json!({ "role": "msa" }), json!({ "is_active": false })]
            .iter()
            .cycle()
            .take(6)
            .enumerate()
        {
            let pair = [0, 1].map(|n| Member::new(&server, &format!("admin{round}-{n}"), "admin"));
            let answers = at_once(2, |n| change(&pair[n], &pair[1 - n], body).status);
            assert!(answers.contains(&200), "{answers:?}");
            assert!(answers.contains(&401), "{answers:?}");
            let store = server.database().store();
            let left = "SELECT count(*) FROM accounts WHERE role = 'admin' AND is_active";
            assert_eq!(store.number(left).expect("the database answers"), 1);
            store
                .execute("UPDATE accounts SET role = 'msa' WHERE role = 'admin'")
                .expect("the database answers");
        }
    });
}

#[test]
fn a_refusal_for_want_of_a_recent_sign_in_is_recorded() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    server.clock().advance(Duration::from_secs(15 * 60));
    let refused = change(&admin, &ada, &json!({ "role": "rn" }));
    assert_eq!(refused.code(), "insufficient_user_authentication");
    admin.sign_in_again("grace");
    let events = events(&admin, "step_up_required");
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event["actor"], admin.account.to_string());
    assert_eq!(event["outcome"], "denied");
    assert_eq!(event["request_id"].as_str(), refused.header("x-request-id"));
}

#[test]
fn reuse_tells_auditors_the_family_and_queues_an_alert_for_the_owner() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let mut client = Browser::of(&server);
        let stolen = sign_in(&server, "ada").field("refresh_token");
        let next = client.refresh(&stolen).field("refresh_token");
        client.refresh(&next);
        assert_eq!(client.refresh(&stolen).code(), "refresh_token_reused");

        let event = &events(&admin, "refresh_token_reuse")[0];
        let family = event["details"]["family"].as_array().expect("a family has members");
        assert_eq!((family.len(), &event["details"]["left_out"]), (3, &json!(0)));
        assert_eq!(family[0]["token"], event["details"]["presented"]);
        assert_eq!(family[0].get("parent"), None);
        for generation in [1, 2] {
            assert_eq!(family[generation]["parent"], family[generation - 1]["token"]);
            assert_eq!(family[generation]["address"], "127.0.0.1");
            assert_eq!(family[generation]["issued_at"], "2027-01-15T08:00:00Z");
        }
        let store = server.database().store();
        let queued = format!(
            "SELECT count(*) FROM outbox JOIN security_events ON security_events.id = event_id
             JOIN accounts ON accounts.id = account_id AND accounts.username = '{}'
             WHERE outbox.kind = 'refresh_token_reuse'",
            "ada"
        );
        assert_eq!(store.number(&queued).expect("the database answers"), 1);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token", "all of its sessions ended");
    });
}

fn change(admin: &Member, account: &Member, body: &Value) -> Answer {
    let path = format!("/api/admin/users/{}", account.account);
    admin.send("PATCH", &path, &[("content-type", "application/json")], &body.to_string())
}

fn sign_in(server: &TestServer, name: &str) -> Answer {
    Browser::of(server).sign_in_for_tokens(name)
}

/// The events of a kind, newest first.
fn events(admin: &Member, kind: &str) -> Vec<Value> {
    let found = admin.get(&format!("/api/admin/audit?kind={kind}")).json();
    found["items"].as_array().expect("a search has items").clone()
}
