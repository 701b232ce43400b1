//! Contract of `SessionDirectoryStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{SessionId, Timestamp};
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::session::SessionStore;
use portcullis_flows::sign_in::session_directory::{SessionDirectoryStore, StoredSessionPage};
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::inspect::outcomes;
use crate::member::{SESSION_LIFETIME, SignIn, end_session, enrol};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_sessions_of_all_accounts_come_in_pages_the_newest_first() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let people = ["ada", "grace"].map(|name| enrol(store, name));
        let mut opened: Vec<SessionId> = (0..7)
            .map(|second| {
                let account = &people[usize::try_from(second % 2).unwrap()];
                SignIn::of(account, NOW + second * SECOND).opened(store).session.id
            })
            .collect();
        let over = samples::event(EventKind::SignOut, Outcome::Success, NOW);
        end_session(store, opened.remove(3), &over).expect("it was live");
        opened.reverse();
        for most in [1, 2, 3, 6, 7] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = page(store, after, most, NOW);
                assert!(page.sessions.len() <= usize::try_from(most).unwrap());
                found.extend(page.sessions.iter().map(|(listed, _)| listed.session.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, opened, "{most}");
        }
        let all = page(store, None, 10, NOW).sessions;
        for (listed, role) in &all {
            let account = people.iter().find(|account| account.id == listed.account).unwrap();
            assert_eq!((&listed.username, role), (&account.username, &account.role));
            let (_, own) = store.sessions(account.id, NOW).unwrap().unwrap();
            assert!(own.contains(&listed.session), "as its holder sees it");
        }
        let late = page(store, None, 10, NOW + SESSION_LIFETIME + 5 * SECOND);
        assert_eq!(late.sessions.len(), 1, "expired ones are none");
    });
}

#[test]
fn each_page_is_recorded() {
    TestDatabase::on_both(|database| {
        page(database.store(), None, 1, NOW);
        assert_eq!(outcomes(database.store(), "sessions_listed"), ["success 1"]);
    });
}

fn page(store: &Store, after: Option<SessionId>, most: u32, now: Timestamp) -> StoredSessionPage {
    let event = samples::event(EventKind::SessionsListed, Outcome::Success, NOW);
    store.list_sessions(after, most, now, &Effects::from(event)).unwrap()
}
