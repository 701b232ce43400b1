//! One entry of the audit log with its proof.

use std::iter;
use std::time::Duration;

use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};

use crate::administration::with_role;

/// The path of the first entry that this search finds.
pub(crate) fn first_entry(browser: &mut Browser, search: &str) -> String {
    let list = browser.get(&format!("/console/admin/audit?{search}"), &[]);
    assert_eq!(list.status, 200, "{}", list.text);
    let path = list.text.split("<th scope=\"row\" class=\"time\"><a href=\"").nth(1);
    path.and_then(|rest| rest.split('"').next()).expect("an entry with a page").to_owned()
}

fn shown(browser: &mut Browser, path: &str) -> Answer {
    let answer = browser.get(path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer
}

fn verdict(answer: &Answer) -> &str {
    let proof = answer.text.split("<h2 id=\"proof\">").nth(1).expect("a proof");
    let tag = proof.split("<span class=\"tag ").nth(1).and_then(|rest| rest.split('>').nth(1));
    tag.and_then(|rest| rest.split('<').next()).expect("a verdict")
}

/// Makes a checkpoint that covers everything so far.
pub(crate) fn make_checkpoint(server: &TestServer, browser: &mut Browser) {
    let checkpoints = server.of_node::<Checkpoints>();
    let made = iter::repeat_with(|| {
        server.clock().advance(Duration::from_secs(1));
        browser.get("/console/admin/audit?kind=sign_in", &[]);
        checkpoints.make(Duration::ZERO).expect("the database answers")
    });
    made.take(100).flatten().next().expect("something has happened");
}

#[test]
fn an_event_and_a_decision_are_shown_with_a_proof_and_their_checkpoint() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        for (search, part) in [("kind=sign_in", "sign_in"), ("kind=permission_check", "audit_log")]
        {
            let path = first_entry(&mut admin, search);
            make_checkpoint(&server, &mut admin);
            let page = shown(&mut admin, &path);
            assert_eq!(verdict(&page), "intact", "{path}: {}", page.text);
            for part in [
                part,
                "&#34;kind&#34;: ",
                "signature valid",
                "the chain still has the link that it states",
                "portcullis audit verify --checkpoint FILE",
                "that none is missing",
            ] {
                assert!(page.text.contains(part), "{part} in {}", page.text);
            }
        }
        // Of entries of one moment, any may be the first in the list.
        server.clock().advance(Duration::from_secs(1));
        let path = first_entry(&mut admin, "kind=audit_searched");
        let page = shown(&mut admin, &path);
        assert!(page.text.contains("No checkpoint covers the entry yet"), "{}", page.text);
        let read = admin.get("/console/admin/audit?kind=event_read", &[]);
        assert!(read.text.contains("&#34;event&#34;:"), "{}", read.text);
    });
}

#[test]
fn the_entries_of_a_chain_lead_to_one_another() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    (0..3).for_each(|_| drop(admin.get("/console/admin/audit?kind=sign_in", &[])));
    let path = first_entry(&mut admin, "kind=permission_check");
    let page = shown(&mut admin, &path);
    let link = |page: &Answer, which: &str| {
        let rest = page.text.split(&format!("rel=\"{which}\" href=\"")).nth(1)?;
        rest.split('"').next().map(str::to_owned)
    };
    let before = link(&page, "prev").expect("an earlier decision");
    assert_eq!(link(&shown(&mut admin, &before), "next"), Some(path));
}

#[test]
fn a_changed_entry_is_called_changed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let path = first_entry(&mut admin, "kind=sign_in");
    let change = "UPDATE security_events SET address = '192.0.2.1' WHERE kind = 'sign_in'";
    server.database().store().execute(change).expect("the database takes it");
    let page = shown(&mut admin, &path);
    assert_eq!(verdict(&page), "changed");
    assert!(page.text.contains("192.0.2.1"), "{}", page.text);
}

#[test]
fn a_damaged_block_of_decisions_is_called_damaged() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let path = first_entry(&mut admin, "kind=permission_check");
    assert_eq!(verdict(&shown(&mut admin, &path)), "intact");
    let damage = "UPDATE decision_blocks SET payload = substr(payload, 1, 20)";
    server.database().store().execute(damage).expect("the blocks are there");
    let page = admin.get(&path, &[]);
    assert_eq!(page.status, 500, "{}", page.text);
    assert!(page.text.contains("What is stored for it is damaged"), "{}", page.text);
}

#[test]
fn what_is_no_entry_is_not_found_and_nothing_is_shown_without_the_permission() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    for id in [
        "1",
        "x",
        "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99",
        "0000000000000020-1",
        "5f1c9a7e40d2b836-99999999999999999999999",
        "..%2F..",
    ] {
        let answer = admin.get(&format!("/console/admin/audit/{id}"), &[]);
        assert_eq!(answer.status, 404, "{id}: {}", answer.text);
    }
    let path = first_entry(&mut admin, "kind=sign_in");
    let mut resident = with_role(&server, "bob", "resident");
    assert_eq!(resident.get(&path, &[]).status, 403);
    assert_eq!(Browser::of(&server).get(&path, &[]).status, 303);
}
