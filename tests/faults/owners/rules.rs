//! The rules that must hold after every fault. Each returns its violations as text.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_testkit::TestDatabase;

use super::operation::{Kind, Operation, Outcome};
use super::owner::{Factors, Owner};

mod sharpness;

/// All violations; empty if every rule holds.
pub(crate) fn broken(database: &TestDatabase, owners: &[Owner]) -> Vec<String> {
    let successes = Successes::read(database);
    let mut broken = broken_accounts(database, owners);
    broken.extend(owners.iter().flat_map(|owner| wrong_outcomes(&successes, owner)));
    broken.extend(owners.iter().flat_map(|owner| accepted_twice(&successes, owner)));
    broken.extend(sessions_of_nothing(database));
    broken
}

/// The number of requests of each kind that were done without an answer.
pub(crate) fn done_without_an_answer(
    database: &TestDatabase,
    owners: &[Owner],
) -> BTreeMap<Kind, usize> {
    let successes = Successes::read(database);
    let operations = owners.iter().flat_map(|owner| &owner.history.operations);
    let unknown = operations.filter(|operation| operation.outcome == Outcome::Unknown);
    let mut counts = BTreeMap::new();
    for operation in unknown.filter(|operation| successes.count(operation) > 0) {
        *counts.entry(operation.kind).or_default() += 1;
    }
    counts
}

/// The number of successes of this kind.
pub(crate) fn successes(database: &TestDatabase, kind: Kind) -> i64 {
    let kinds = kind.events().join("', '");
    let query = format!(
        "SELECT count(*) FROM security_events WHERE outcome = 'success' AND kind IN ('{kinds}')"
    );
    database.store().number(&query).expect("the database answers")
}

/// The events of success, by user agent.
struct Successes(BTreeMap<String, Vec<String>>);

impl Successes {
    fn read(database: &TestDatabase) -> Self {
        let query = "SELECT kind || ' ' || user_agent FROM security_events
             WHERE outcome = 'success' AND user_agent LIKE 'owner-%'";
        let mut events = BTreeMap::<String, Vec<String>>::new();
        for row in database.store().texts(query).expect("the database answers") {
            let (kind, id) = row.split_once(' ').expect("two words");
            events.entry(id.to_owned()).or_default().push(kind.to_owned());
        }
        Self(events)
    }

    /// The number of times that the request succeeded.
    fn count(&self, operation: &Operation) -> usize {
        let events = self.0.get(&operation.id).into_iter().flatten();
        events.filter(|kind| operation.kind.events().contains(&kind.as_str())).count()
    }
}

/// An account requires a factor exactly if it has one, and has the factors of before or after the request
/// under way.
fn broken_accounts(database: &TestDatabase, owners: &[Owner]) -> Vec<String> {
    let query = "SELECT username || ' ' || CASE WHEN mfa_enabled THEN 1 ELSE 0 END
         || ' ' || (SELECT count(*) FROM totp_factors WHERE account_id = accounts.id)
         || ' ' || (SELECT count(*) FROM passkeys WHERE account_id = accounts.id) FROM accounts";
    let rows = database.store().texts(query).expect("the database answers");
    let rows: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let row = |owner: &Owner, factors: Factors| {
        let [app, phone] = [factors.app.is_some(), factors.phone.is_some()];
        let [enabled, app, phone] = [app || phone, app, phone].map(u8::from);
        format!("{} {enabled} {app} {phone}", owner.name)
    };
    let is_whole = |owner: &&Owner| {
        [owner.before, owner.after].into_iter().any(|state| rows.contains(&*row(owner, state)))
    };
    let wrong = owners.iter().filter(|owner| !is_whole(owner));
    let wrong = wrong.map(|owner| format!("{}: {:?} and {rows:?}", owner.name, owner.after));
    wrong.chain((rows.len() != owners.len()).then(|| format!("{rows:?}"))).collect()
}

/// What was acknowledged is recorded once, what was refused never, and the rest at most once.
fn wrong_outcomes(successes: &Successes, owner: &Owner) -> Vec<String> {
    let recorded = owner.history.operations.iter().filter(|it| !it.kind.events().is_empty());
    let wrong = recorded.filter(|operation| match operation.outcome {
        Outcome::Done => successes.count(operation) != 1,
        Outcome::Refused => successes.count(operation) != 0,
        Outcome::Unknown => successes.count(operation) > 1,
    });
    wrong.map(|it| format!("{} {:?} {:?}", it.id, it.kind, it.outcome)).collect()
}

/// No secret of one use is accepted twice.
fn accepted_twice(successes: &Successes, owner: &Owner) -> Vec<String> {
    let mut uses = BTreeMap::<&str, usize>::new();
    for operation in &owner.history.operations {
        for secret in &operation.secrets {
            *uses.entry(secret).or_default() += successes.count(operation);
        }
    }
    let twice = uses.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(secret, count)| format!("{}: {secret} {count} times", owner.name)).collect()
}

/// Each session was opened by one recorded sign-in or one added factor, and each of these opened one.
fn sessions_of_nothing(database: &TestDatabase) -> Option<String> {
    let number = |query: &str| database.store().number(query).expect("the database answers");
    let sessions = number("SELECT count(*) FROM sessions");
    let openings = number(
        "SELECT count(*) FROM security_events
         WHERE outcome = 'success' AND kind IN ('sign_in', 'factor_added')",
    );
    (sessions != openings).then(|| format!("{sessions} sessions and {openings} openings"))
}
