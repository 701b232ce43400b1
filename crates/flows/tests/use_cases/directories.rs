//! The lists of all accounts, all sessions and all lockouts, for operators and administrators.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::{AccountKind, Role};
use portcullis_flows::identity::account_change::ChangeError;
use portcullis_flows::identity::account_directory::{
    AccountDirectory, AccountQuery, AccountSearch, NamePrefix, SearchPosition,
};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::lockout::CounterKind;
use portcullis_flows::sign_in::lockout_directory::LockoutDirectory;
use portcullis_flows::sign_in::session::Sessions;
use portcullis_flows::sign_in::session_directory::SessionDirectory;
use portcullis_testkit::{TestDatabase, samples};

use crate::account_change::admin;
use crate::administration::{
    by, changes, counters, enrol_as, issuer, only_recorded, parties, recorded, session_of, sign_in,
};
use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, SECOND, guess};

fn accounts(deployment: &Deployment) -> AccountDirectory {
    let store = Arc::new(deployment.database.store().clone());
    AccountDirectory::new(store, counters(deployment), deployment.ambient())
}

fn sessions(deployment: &Deployment, node: &Node) -> SessionDirectory {
    let store = Arc::new(deployment.database.store().clone());
    let own = Sessions::new(store.clone(), issuer(deployment, node), deployment.ambient());
    SessionDirectory::new(store, own, changes(deployment, node), deployment.ambient())
}

fn search(prefix: Option<&str>) -> AccountSearch {
    AccountSearch {
        prefix: prefix.map(NamePrefix::of),
        role: None,
        kind: None,
        is_active: None,
        after: None,
        most: 10,
    }
}

/// Ada, adam, bob and grace, who is an administrator; adam is deactivated, and bob a developer.
fn with_four(database: TestDatabase) -> (Deployment, Principal) {
    let deployment = Deployment::on(database);
    let admin = admin(&deployment);
    deployment.enrol("ada");
    enrol_as(&deployment, "adam", "rn");
    deployment.enrol("bob");
    let store = deployment.database.store();
    for (name, change) in [("adam", "is_active = false"), ("bob", "kind = 'developer'")] {
        let change = format!("UPDATE accounts SET {change} WHERE username = '{name}'");
        store.execute(&change).unwrap();
    }
    (deployment, admin)
}

#[test]
fn an_administrator_finds_accounts_by_the_first_letters_and_by_what_they_are() {
    TestDatabase::on_both(|database| {
        let (deployment, admin) = with_four(database);
        let directory = accounts(&deployment);
        let all = search(None);
        let role = Role::parse("rn").unwrap();
        for (search, names) in [
            (all.clone(), &["ada", "adam", "bob", "grace"][..]),
            (search(Some("AD")), &["ada", "adam"]),
            (search(Some("adam@exam")), &["adam"]),
            (search(Some("da")), &[]),
            (AccountSearch { role: Some(role), ..all.clone() }, &["adam"]),
            (AccountSearch { kind: Some(AccountKind::Developer), ..all.clone() }, &["bob"]),
            (AccountSearch { is_active: Some(true), ..search(Some("ad")) }, &["ada"]),
        ] {
            let page = directory.search(&admin, &search).unwrap();
            let found: Vec<_> = page.accounts.iter().map(|it| it.username.as_str()).collect();
            assert_eq!(found, names, "{search:?}");
            assert_eq!(page.next, None);
        }
        let readings = recorded(&deployment, EventKind::AccountsListed);
        assert_eq!(readings.len(), 7, "each one");
        let actor = admin.actor.to_string();
        assert!(readings.iter().all(|reading| parties(reading) == (actor.clone(), None)));
    });
}

#[test]
fn pages_of_a_search_have_every_account_once() {
    TestDatabase::on_both(|database| {
        let (deployment, admin) = with_four(database);
        let directory = accounts(&deployment);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let search = AccountSearch { after, most: 1, ..search(None) };
            let page = directory.search(&admin, &search).unwrap();
            assert!(page.accounts.len() <= 1);
            found.extend(page.accounts.iter().map(|it| it.username.as_str().to_owned()));
            let Some(next) = page.next else { break };
            assert_eq!(SearchPosition::of(next.as_str().to_owned()), next, "a cursor is its text");
            after = Some(next);
        }
        assert_eq!(found, ["ada", "adam", "bob", "grace"]);
        let address = SearchPosition::of("ada@example.org".to_owned());
        assert_eq!(address, SearchPosition::Email("ada@example.org".to_owned()));
    });
}

#[test]
fn the_operator_lists_accounts_by_any_part_of_their_names() {
    TestDatabase::on_both(|database| {
        let (deployment, _) = with_four(database);
        let directory = accounts(&deployment);
        let name = "UPDATE accounts SET display_name = 'Robert %' WHERE username = 'bob'";
        deployment.database.store().execute(name).unwrap();
        let most = 10;
        let text = |text: &str| AccountQuery {
            text: Some(text.to_owned()),
            most,
            ..AccountQuery::default()
        };
        let inactive = AccountQuery { is_active: Some(false), most, ..AccountQuery::default() };
        let of_role =
            AccountQuery { role: Some("admin".to_owned()), most, ..AccountQuery::default() };
        for (query, expected) in [
            (text("DA"), &["ada", "adam"][..]),
            (text("robert"), &["bob"]),
            (text("%"), &["bob"]),
            (text("nobody"), &[]),
            (inactive, &["adam"]),
            (of_role, &["grace"]),
        ] {
            let found = directory.list(&samples::operator(), &query).unwrap();
            let mut names: Vec<_> = found.iter().map(|it| it.username.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{query:?}");
        }
        let mut found = Vec::new();
        let mut query = AccountQuery { most: 3, ..AccountQuery::default() };
        loop {
            let page = directory.list(&samples::operator(), &query).unwrap();
            let Some(last) = page.last() else { break };
            query.after = Some(last.id);
            found.extend(page.into_iter().map(|account| account.id));
        }
        assert_eq!(found.len(), 4);
        assert!(found.is_sorted_by(|newer, older| newer > older), "the newest first");
    });
}

#[test]
fn the_operator_sees_an_account_with_its_sessions_and_its_lockout() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let directory = accounts(&deployment);
        sign_in(&node, "ada");
        let ended = session_of(&sign_in(&node, "ada"));
        assert!(node.sessions.end(ada.id, ended, ended, &samples::origin()).unwrap());
        for _ in 0..5 {
            node.sign_in.sign_in(&guess("ada")).unwrap_err();
        }
        for name in ["ada", "ADA@example.org"] {
            let found = directory.show(&samples::operator(), name).unwrap().unwrap();
            assert_eq!((found.account.id, found.has_password), (ada.id, true));
            assert_eq!((found.sessions, found.failures), (1, 5));
            assert_eq!(found.locked_until, Some(deployment.now() + MINUTE));
        }
        assert!(directory.show(&samples::operator(), "nobody").unwrap().is_none());
        let readings = recorded(&deployment, EventKind::AccountRead);
        assert_eq!(readings.len(), 2, "an account that does not exist is not read");
        assert!(readings.iter().all(|it| parties(it) == by(&samples::operator(), ada.id)));
        deployment.pass(MINUTE);
        let found = directory.show(&samples::operator(), "ada").unwrap().unwrap();
        assert_eq!((found.failures, found.locked_until), (5, None), "the wait is over");
    });
}

#[test]
fn the_sessions_of_all_accounts_are_those_that_a_refresh_would_still_continue() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let admin = admin(&deployment);
        let node = deployment.node();
        let [_, _, carl_id] = ["ada", "bob", "carl"].map(|name| deployment.enrol(name).id);
        let opened = |name| {
            deployment.pass(SECOND);
            session_of(&sign_in(&node, name))
        };
        opened("ada");
        deployment.pass(7 * DAY);
        let (bob, carl, ended) = (opened("bob"), opened("carl"), opened("carl"));
        assert!(node.sessions.end(carl_id, carl, ended, &samples::origin()).unwrap());
        let directory = sessions(&deployment, &node);
        let listed = directory.list(&admin, None, 10).unwrap();
        let found: Vec<_> =
            listed.sessions.iter().map(|it| (it.username.as_str(), it.session.id)).collect();
        assert_eq!(found, [("carl", carl), ("bob", bob)], "that of ada was idle for too long");
        assert_eq!(listed.next, None);
        let bob = &listed.sessions[1].session;
        assert_eq!(bob.ends_at, bob.last_used_at + 7 * DAY);

        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = directory.list(&admin, after, 1).unwrap();
            found.extend(page.sessions.into_iter().map(|it| it.session.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, [carl, bob.id], "the page of ada is empty");
        assert_eq!(deployment.outcomes("sessions_listed"), ["success 4"], "each page is a reading");
    });
}

#[test]
fn the_sessions_of_one_account_are_as_its_holder_sees_them_and_the_reading_is_recorded() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    deployment.enrol("bob");
    let node = deployment.node();
    sign_in(&node, "bob");
    let session = session_of(&sign_in(&node, "ada"));
    let directory = sessions(&deployment, &node);
    let found = directory.of_account(&admin, ada.id).unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [session]);
    assert_eq!(found, node.sessions.list(ada.id).unwrap());
    let reading = only_recorded(&deployment, EventKind::AccountRead);
    assert_eq!(parties(&reading), by(&admin, ada.id));
    let nobody = directory.of_account(&admin, samples::account("nobody").id);
    assert!(matches!(nobody, Err(ChangeError::Unknown)), "{nobody:?}");
    assert_eq!(deployment.outcomes("account_read"), ["success 1"]);
}

#[test]
fn the_lockouts_of_accounts_are_listed_the_longest_wait_first_and_end_with_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let admin = admin(&deployment);
        let ids = ["ada", "bob"].map(|name| deployment.enrol(name).id);
        let node = deployment.node();
        let store = Arc::new(deployment.database.store().clone());
        let directory = LockoutDirectory::new(store, deployment.ambient());
        for name in ["bob", "nobody", "ada"] {
            for _ in 0..5 {
                node.sign_in.sign_in(&guess(name)).unwrap_err();
            }
            deployment.pass(SECOND);
        }
        let failed = deployment.now() - SECOND;
        let all = directory.list(&admin, None, 10).unwrap();
        let of: Vec<_> = all.lockouts.iter().map(|it| it.account).collect();
        assert_eq!(of, ids, "a name that no account has locks no account");
        let first = &all.lockouts[0];
        assert_eq!((first.kind, first.failures), (CounterKind::Strangers, 5));
        assert_eq!((first.last_failed_at, first.closed_until), (failed, failed + MINUTE));

        let page = directory.list(&admin, None, 1).unwrap();
        assert_eq!(page.next, Some(first.cursor()));
        let cursor = first.cursor().to_string().parse().unwrap();
        let last = directory.list(&admin, Some(cursor), 1).unwrap();
        assert_eq!((&last.lockouts[..], last.next), (&all.lockouts[1..], None));
        deployment.pass(HOUR);
        assert!(directory.list(&admin, None, 10).unwrap().lockouts.is_empty());
        assert_eq!(deployment.outcomes("lockouts_listed"), ["success 4"]);
    });
}
