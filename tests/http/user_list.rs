//! The list of accounts: search, filters and pages.

use portcullis_testkit::{TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::member::Member;
use crate::registration::faults;

const PATH: &str = "/api/admin/users";

#[test]
fn an_administrator_searches_accounts_and_sees_them_as_their_holders_do() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        Member::new(&server, "adam", "rn");
        Member::developer(&server, "bob", "msa");
        let path = format!("{PATH}/{}", ada.account);
        let deactivated = json!({ "is_active": false }).to_string();
        let json = [("content-type", "application/json")];
        assert_eq!(grace.send("PATCH", &path, &json, &deactivated).status, 200);

        for (query, names) in [
            ("", &["ada", "adam", "bob", "grace"][..]),
            ("?q=AD", &["ada", "adam"]),
            ("?q=adam%40example", &["adam"]),
            ("?q=nobody", &[]),
            ("?role=msa", &["ada", "bob"]),
            ("?kind=developer", &["bob"]),
            ("?kind=service", &[]),
            ("?state=deactivated", &["ada"]),
            ("?q=a&role=msa&kind=user&state=active", &[]),
            ("?q=a&role=rn&kind=user&state=active", &["adam"]),
        ] {
            assert_eq!(names_of(&grace.get(&format!("{PATH}{query}")).json()), names, "{query}");
        }
        let found = grace.get(&format!("{PATH}?q=grace")).json();
        assert_eq!(found["items"], json!([grace.get("/api/auth/me").json()]));
        let text = found.to_string();
        assert!(!text.contains("$argon2") && !text.contains("password_hash"), "{text}");
    });
}

#[test]
fn pages_follow_each_other_by_cursor_and_link() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    for name in ["ada", "bob", "carl"] {
        Member::new(&server, name, "msa");
    }
    let mut path = format!("{PATH}?limit=2&state=active");
    let mut found = Vec::new();
    loop {
        let page = grace.get(&path);
        found.push(names_of(&page.json()));
        let cursor = page.json()["next_cursor"].clone();
        let Some(link) = page.header("link") else {
            assert_eq!(cursor, Value::Null);
            break;
        };
        let (next, _) = link.trim_start_matches('<').split_once('>').unwrap();
        assert!(next.ends_with(&format!("cursor={}", cursor.as_str().unwrap())), "{next}");
        path = next.to_owned();
    }
    assert_eq!(found, [["ada", "bob"], ["carl", "grace"]]);
    let events = grace.get("/api/admin/audit?kind=accounts_listed").json();
    let actors = events["items"].as_array().unwrap().iter().map(|event| event["actor"].clone());
    assert_eq!(actors.collect::<Vec<_>>(), vec![json!(grace.account.to_string()); 2]);
}

#[test]
fn a_query_that_is_none_is_refused_with_all_its_faults() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let wrong = format!("{PATH}?q=&role=A&kind=robot&state=locked&limit=201&cursor=");
    let refused = grace.get(&wrong);
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    let fields = ["cursor", "kind", "limit", "q", "role", "state"];
    assert_eq!(faults(&refused), fields.map(|field| (field.to_owned(), "malformed".to_owned())));
    assert_eq!(grace.get(&format!("{PATH}?limit=0")).status, 400);
}

#[test]
fn a_role_or_a_key_with_one_of_the_two_permissions_lists_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::developer(&server, "grace", "admin");
    let coordinator = Member::new(&server, "ada", "coordinator");
    assert_eq!(coordinator.get(PATH).code(), "forbidden");
    for (scope, status) in
        [(&["user:list"][..], 403), (&["user:read"], 403), (&["user:list", "user:read"], 200)]
    {
        let key = create(&grace, scope).field("key");
        let answer = portcullis_testkit::Browser::of(&server).get_as(PATH, &key);
        assert_eq!(answer.status, status, "{scope:?}");
    }
}

fn names_of(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| item["username"].as_str().expect("a name").to_owned()).collect()
}
