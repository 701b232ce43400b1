//! The outbox for administrators: pages without content, and mails that are sent again.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::mailbox::Mailbox;
use crate::member::Member;
use crate::registration::faults;

const PATH: &str = "/api/admin/outbox";

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("a list").clone()
}

/// Asks for the reset link of an address, later than for any other one.
fn forgot(server: &TestServer, email: &str) {
    server.clock().advance(Duration::from_millis(5));
    let body = json!({ "email": email });
    assert_eq!(Browser::of(server).post("/api/auth/password/forgot", &body).status, 202);
}

/// Makes every mail that waits a dead letter, as a refusal of the mail server does.
fn bury(server: &TestServer) {
    let bury = "UPDATE outbox SET dead_at = due_at, attempts = 140, \
                failure = 'refused: 550 the text of the mail' WHERE delivered_at IS NULL";
    server.database().store().execute(bury).expect("the database answers");
}

#[test]
fn an_administrator_sees_the_mails_without_their_content_and_sends_one_again() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        forgot(&server, "ada@example.org");
        forgot(&server, "nobody@example.org");
        bury(&server);

        let [void, dead] = &items(&grace.get(PATH).json())[..] else { panic!("two mails") };
        let expected = json!({
            "id": dead["id"], "kind": "reset_password", "account_id": ada.account.to_string(),
            "state": "dead", "created_at": dead["created_at"], "next_attempt_at": null,
            "attempts": 140, "last_failure": "refused",
        });
        assert_eq!(dead, &expected);
        assert_eq!((&void["state"], &void["account_id"]), (&json!("void"), &Value::Null));
        for (query, expected) in [
            ("?state=dead", dead),
            ("?state=void", void),
            ("?kind=reset_password&state=dead", dead),
        ] {
            let found = grace.get(&format!("{PATH}{query}")).json();
            assert_eq!(items(&found), std::slice::from_ref(expected), "{query}");
        }
        assert!(items(&grace.get(&format!("{PATH}?kind=test")).json()).is_empty());

        let resend = |mail: &Value| {
            let path = format!("{PATH}/{}/resend", mail["id"].as_str().expect("an id"));
            grace.send("POST", &path, &[], "")
        };
        let sent = resend(dead);
        assert_eq!((sent.status, sent.field("state").as_str()), (200, "waiting"));
        let sent = sent.json();
        assert_eq!((&sent["attempts"], sent["next_attempt_at"].is_string()), (&json!(0), true));
        assert_eq!(resend(dead).status, 200, "it is due already");
        let refused = resend(void);
        assert_eq!((refused.status, refused.code().as_str()), (409, "mail_over"));
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.collect(server.database()).len(), 1);
        assert_eq!(resend(dead).code(), "mail_over", "it is delivered");
        for id in ["x", "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e19"] {
            let answer = grace.send("POST", &format!("{PATH}/{id}/resend"), &[], "");
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
        }

        let events = grace.get("/api/admin/audit?kind=mail_resent").json();
        let [event] = &items(&events)[..] else { panic!("one event: {events}") };
        assert_eq!(event["actor"], json!(grace.account.to_string()));
        assert_eq!(event["subject"], json!(ada.account.to_string()));
        assert_eq!(event["details"], json!({ "messages": 1, "message": dead["id"] }));
    });
}

#[test]
fn the_list_has_no_address_no_content_and_no_text_of_a_mail_server() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let body = json!({ "email": "secret-guest@example.org", "role": "msa" });
    assert_eq!(grace.post("/api/admin/invitations", &body).status, 201);
    bury(&server);
    let text = grace.get(PATH).text;
    assert!(text.contains("invitation"), "{text}");
    for hidden in ["secret-guest", "inviter", "550", "token", "payload"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn a_link_whose_request_is_gone_is_not_revived() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let body = json!({ "email": "guest@example.org", "role": "msa" });
    let invitation = grace.post("/api/admin/invitations", &body).field("id");
    bury(&server);
    let mail = items(&grace.get(PATH).json())[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/admin/invitations/{invitation}");
    assert_eq!(grace.send("DELETE", &path, &[], "").status, 204);
    let refused = grace.send("POST", &format!("{PATH}/{mail}/resend"), &[], "");
    assert_eq!((refused.status, refused.code().as_str()), (409, "mail_over"));
    assert!(Mailbox::new().collect(server.database()).is_empty());
}

#[test]
fn pages_follow_each_other_by_cursor_and_link() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    for name in ["ada", "bob", "carl"] {
        Member::new(&server, name, "msa");
        forgot(&server, &format!("{name}@example.org"));
    }
    let all = items(&grace.get(PATH).json());
    let mut path = format!("{PATH}?limit=2&state=waiting");
    let mut found = Vec::new();
    loop {
        let page = grace.get(&path);
        found.push(items(&page.json()));
        let Some(link) = page.header("link") else {
            assert_eq!(page.json()["next_cursor"], Value::Null);
            break;
        };
        let (next, _) = link.trim_start_matches('<').split_once('>').expect("an address");
        path = next.to_owned();
    }
    assert_eq!((found.len(), found.concat()), (2, all));
}

#[test]
fn a_query_that_is_none_is_refused_with_all_its_faults() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let refused = grace.get(&format!("{PATH}?state=lost&kind=letter&limit=201&cursor=x"));
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    let fields = ["cursor", "kind", "limit", "state"];
    assert_eq!(faults(&refused), fields.map(|field| (field.to_owned(), "malformed".to_owned())));
}

#[test]
fn without_the_permissions_nobody_sees_or_sends_a_mail() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::developer(&server, "grace", "admin");
    let coordinator = Member::new(&server, "ada", "coordinator");
    forgot(&server, "ada@example.org");
    bury(&server);
    let mails = || items(&grace.get(&format!("{PATH}?kind=reset_password")).json());
    let mail = mails()[0]["id"].as_str().expect("an id").to_owned();
    let resend = format!("{PATH}/{mail}/resend");
    for (method, path) in [("GET", PATH), ("POST", &resend)] {
        let refused = coordinator.send(method, path, &[], "");
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{path}");
        assert!(!refused.text.contains("reset_password"), "{}", refused.text);
    }
    let reader = create(&grace, &["audit_log:list"]).field("key");
    assert_eq!(Browser::of(&server).get_as(PATH, &reader).status, 200);
    let other = create(&grace, &["audit_log:read"]).field("key");
    assert_eq!(Browser::of(&server).get_as(PATH, &other).status, 403);
    let all = create(&grace, &["*:*"]).field("key");
    let bearer = format!("Bearer {all}");
    let refused =
        Browser::of(&server).send("POST", &resend, &[("authorization", bearer.as_str())], "");
    assert_eq!((refused.status, refused.code().as_str()), (403, "api_key_not_accepted"));
    assert_eq!(mails()[0]["state"], "dead");
}
