//! The API keys of another account: an administrator lists and revokes them.

use portcullis_testkit::{Browser, TestDatabase, TestServer};

use crate::api_keys::create;
use crate::member::Member;

#[test]
fn an_administrator_lists_the_keys_of_an_account_and_revokes_one() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::developer(&server, "ada", "msa");
        let joan = Member::developer(&server, "joan", "msa");
        let [first, second] = [(); 2].map(|()| create(&ada, &["schedule:list"]));
        let path = format!("/api/admin/users/{}/api-keys", ada.account);
        let listed = grace.get(&path);
        assert_eq!(listed.json(), ada.get("/api/auth/api-keys").json(), "as the owner sees them");
        for created in [&first, &second] {
            assert!(!listed.text.contains(&created.field("key")), "{}", listed.text);
        }
        let me = |key: &str| Browser::of(&server).get_as("/api/auth/me", key).status;
        assert_eq!((me(&first.field("key")), me(&second.field("key"))), (200, 200));

        let id = first.json()["api_key"]["id"].as_str().unwrap().to_owned();
        let revoke = |account: &Member, id: &str| {
            let path = format!("/api/admin/users/{}/api-keys/{id}", account.account);
            grace.send("DELETE", &path, &[], "").status
        };
        assert_eq!((revoke(&joan, &id), revoke(&ada, "nothing")), (404, 404));
        assert_eq!((revoke(&ada, &id), revoke(&ada, &id)), (204, 404));
        assert_eq!((me(&first.field("key")), me(&second.field("key"))), (401, 200));
        assert_eq!(grace.get(&path).json()["items"].as_array().unwrap().len(), 1);
        let events = grace.get("/api/admin/audit?kind=api_key_revoked").json();
        let [event] = events["items"].as_array().unwrap().as_slice() else { panic!("{events}") };
        assert_eq!(event["actor"], grace.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
        assert_eq!(event["details"]["key"], id);
        assert_eq!(event["details"]["name"], "report");
        assert_eq!(grace.get("/api/admin/users/nobody/api-keys").code(), "not_found");
    });
}
