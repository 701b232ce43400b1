//! The lockout of another account: an administrator sees it and ends it.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::member::Member;

#[test]
fn an_administrator_sees_a_lockout_and_ends_it() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let path = format!("/api/admin/users/{}/lockout", ada.account);
        let open =
            json!({ "locked": false, "locked_until": null, "failures": 0, "is_blocked": false });
        assert_eq!(grace.get(&path).json(), open);
        for _ in 0..5 {
            let failed = Browser::of(&server).sign_in_with("ada", "not-the-password");
            assert_eq!(failed.status, 401);
        }
        let refused = Browser::of(&server).sign_in_with("ada", PASSWORD);
        assert_eq!(refused.code(), "invalid_credentials", "the wait has begun");
        let until = server.clock().now() + Duration::from_secs(60);
        let locked = json!({ "locked": true, "locked_until": until.to_string(), "failures": 5,
            "is_blocked": false });
        assert_eq!(grace.get(&path).json(), locked);

        assert_eq!(grace.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(grace.get(&path).json(), open);
        assert_eq!(Browser::of(&server).sign_in_with("ada", PASSWORD).status, 200);
        let events = grace.get("/api/admin/audit?kind=unlock").json();
        let [event] = events["items"].as_array().unwrap().as_slice() else { panic!("{events}") };
        assert_eq!(event["actor"], grace.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
    });
}

#[test]
fn a_lockout_without_an_end_has_none_and_an_administrator_ends_it_with_the_block() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        Browser::of(&server).sign_in_with("ada", "not-the-password");
        let store = server.database().store();
        store.execute("UPDATE accounts SET is_blocked = (username = 'ada')").unwrap();
        let never = if server.database().url().starts_with("sqlite:") {
            "253402300799000000"
        } else {
            "'9999-12-31T23:59:59Z'"
        };
        store.execute(&format!("UPDATE sign_in_failures SET closed_until = {never}")).unwrap();
        let path = format!("/api/admin/users/{}/lockout", ada.account);
        let closed =
            json!({ "locked": true, "locked_until": null, "failures": 1, "is_blocked": true });
        assert_eq!(grace.get(&path).json(), closed);
        assert_eq!(grace.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(Browser::of(&server).sign_in_with("ada", PASSWORD).status, 200);
        let events = grace.get("/api/admin/audit?kind=unlock").json();
        let change = json!({ "field": "is_blocked", "before": "true", "after": "false" });
        assert_eq!(events["items"][0]["details"]["changes"], json!([change]));
    });
}

#[test]
fn nobody_unlocks_the_own_account_and_an_unknown_one_is_unknown() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let own = format!("/api/admin/users/{}/lockout", grace.account);
    let refused = grace.send("DELETE", &own, &[], "");
    assert_eq!((refused.status, refused.code().as_str()), (409, "own_account"));
    for path in ["nobody", "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15"] {
        let path = format!("/api/admin/users/{path}/lockout");
        assert_eq!(grace.get(&path).code(), "not_found");
        assert_eq!(grace.send("DELETE", &path, &[], "").code(), "not_found");
    }
    let events: Value = grace.get("/api/admin/audit?kind=unlock").json();
    assert_eq!(events["items"][0]["outcome"], "against_rules");
}

#[test]
fn the_lockouts_of_all_accounts_are_listed_in_pages() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        Member::new(&server, "bob", "msa");
        assert_eq!(grace.get("/api/admin/lockouts").json()["items"], json!([]));
        for name in ["bob", "nobody", "ada"] {
            for _ in 0..5 {
                Browser::of(&server).sign_in_with(name, "not-the-password");
            }
            server.clock().advance(Duration::from_secs(1));
        }
        let all = grace.get("/api/admin/lockouts").json();
        let names: Vec<_> =
            all["items"].as_array().unwrap().iter().map(|it| &it["username"]).collect();
        assert_eq!(names, ["ada", "bob"], "a name that no account has is left out");
        let failed = server.clock().now() - Duration::from_secs(1);
        let until = failed + Duration::from_secs(60);
        let first = json!({ "account_id": ada.account.to_string(), "username": "ada", "locked": "strangers",
            "failures": 5, "last_failed_at": failed.to_string(), "locked_until": until.to_string() });
        assert_eq!(all["items"][0], first);
        let page = grace.get("/api/admin/lockouts?limit=1");
        let link = page.header("link").expect("another page follows");
        let next = link.trim_start_matches('<').split_once('>').unwrap().0.to_owned();
        let last = grace.get(&next).json();
        assert_eq!((&last["items"][0], &last["next_cursor"]), (&all["items"][1], &Value::Null));
        for wrong in ["limit=0", "limit=201", "cursor=x", "page=2"] {
            let refused = grace.get(&format!("/api/admin/lockouts?{wrong}"));
            assert_eq!(refused.code(), "invalid_request", "{wrong}");
        }
        let unlock = format!("/api/admin/users/{}/lockout", ada.account);
        assert_eq!(grace.send("DELETE", &unlock, &[], "").status, 204);
        assert_eq!(grace.get("/api/admin/lockouts").json()["items"], json!([all["items"][1]]));
        let recorded = grace.get("/api/admin/audit?kind=lockouts_listed").json();
        assert_eq!(recorded["items"].as_array().unwrap().len(), 5, "{recorded}");
    });
}
