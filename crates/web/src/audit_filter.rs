//! The filter of the audit log in the query of a request.

use std::net::IpAddr;

use portcullis_audit::{EventKind, Filter, Outcome};
use portcullis_domain::{AccountId, canonical_address};

use crate::problem::FieldProblem;
use crate::query::Query;
use crate::time::Time;

/// The keys of a query that set the filter.
pub const AUDIT_FILTER_KEYS: &[&str] =
    &["from", "until", "kind", "outcome", "actor", "subject", "resource", "address"];

/// The filter of a query. An invalid value becomes a fault that lists the valid ones.
pub fn audit_filter(query: &Query, faults: &mut Vec<FieldProblem>) -> Filter {
    let time = || "use a time from 1970 to 9999 as in 2027-01-15T08:00:00Z".to_owned();
    let account = || "use the id of an account".to_owned();
    let from = query.parsed("from", time, Time::parse, faults).map(|time| time.0);
    let until = query.parsed("until", time, Time::parse, faults).map(|time| time.0);
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        let message = "use a time after that of `from`";
        faults.push(FieldProblem::new("until".to_owned(), "not_after_from", message));
    }
    let filter = Filter {
        from,
        until,
        kind: query.parsed("kind", kinds, |word| word.parse().ok(), faults),
        outcome: query.parsed("outcome", outcomes, |word| word.parse().ok(), faults),
        actor: query.parsed("actor", account, |id| id.parse::<AccountId>().ok(), faults),
        subject: query.parsed("subject", account, |id| id.parse::<AccountId>().ok(), faults),
        resource: query.value("resource").map(str::to_owned),
        address: query.parsed(
            "address",
            || "use an IPv4 or IPv6 address".to_owned(),
            |text| text.parse::<IpAddr>().ok().map(canonical_address),
            faults,
        ),
    };
    let names_nobody = filter.subject.is_none() && filter.actor.is_none();
    if filter.kind == Some(EventKind::Refresh) && names_nobody && faults.is_empty() {
        let message = "name the account: refreshes are kept with the sessions of each";
        faults.push(FieldProblem::new("subject".to_owned(), "missing", message));
    }
    filter
}

fn kinds() -> String {
    one_of(EventKind::ALL.iter().map(|kind| kind.as_str()))
}

fn outcomes() -> String {
    one_of(Outcome::ALL.iter().map(|outcome| outcome.as_str()))
}

fn one_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    format!("use one of {}", words.collect::<Vec<_>>().join(", "))
}
