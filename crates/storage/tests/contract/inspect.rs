//! Queries behind the ports, in SQL for both databases.

use portcullis_domain::SessionId;
use portcullis_flows::node::revocation::RevocationStore;
use portcullis_storage::Store;
use portcullis_token::Revocation;

/// How many rows a `FROM` clause, with whatever follows it, selects.
pub(crate) fn count(store: &Store, from: &str) -> i64 {
    store.number(&format!("SELECT count(*) FROM {from}")).unwrap()
}

/// The recorded outcomes of events of a kind, each with how often it occurs: `"locked 3"`.
pub(crate) fn outcomes(store: &Store, kind: &str) -> Vec<String> {
    let tally = format!(
        "SELECT outcome || ' ' || count(*) FROM security_events WHERE kind = '{kind}'
         GROUP BY outcome ORDER BY outcome"
    );
    store.texts(&tally).unwrap()
}

/// Why sessions ended, each reason with how often it occurs.
pub(crate) fn ends(store: &Store) -> Vec<String> {
    let tally = "SELECT end_reason || ' ' || count(*) FROM sessions WHERE ended_at IS NOT NULL
                 GROUP BY end_reason ORDER BY end_reason";
    store.texts(tally).unwrap()
}

/// The sessions whose access tokens are revoked, each as often as it was, in order.
pub(crate) fn revoked_sessions(store: &Store) -> Vec<SessionId> {
    store.number_revocations(1, 1).unwrap();
    let feed = store.revocations_from(1, 10_000).unwrap();
    let mut sessions: Vec<SessionId> = feed
        .entries
        .iter()
        .map(|numbered| match numbered.entry.revocation {
            Revocation::Session(session) => session,
            other => panic!("{other:?}"),
        })
        .collect();
    sessions.sort();
    sessions
}

pub(crate) fn live_sessions(store: &Store) -> i64 {
    count(store, "sessions WHERE ended_at IS NULL")
}

/// Refresh tokens that have more than one successor; there must never be any.
pub(crate) fn forks(store: &Store) -> i64 {
    count(
        store,
        "(SELECT parent_id FROM refresh_tokens WHERE parent_id IS NOT NULL
          GROUP BY parent_id HAVING count(*) > 1) AS forks",
    )
}
