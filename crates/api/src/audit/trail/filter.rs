//! Query parameters of search and export: the filter of the audit log.

use std::net::IpAddr;

use portcullis_audit::{EventKind, Filter, Outcome};
use portcullis_domain::{AccountId, canonical_address};
use portcullis_web::{FieldProblem, Query, Time};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{KnownFormat, ObjectBuilder, Schema, SchemaFormat};

use crate::openapi::schema::field::address_format as address;
use crate::openapi::word;

/// The keys of a query that set the filter.
pub(super) const KEYS: &[&str] =
    &["from", "until", "kind", "outcome", "actor", "subject", "resource", "address"];

/// The pattern of the beginning of a time from 1970 on.
const FROM_1970: &str = "^(19[7-9]|[2-9][0-9]{2})";

/// The parameters of the filter, for the API document.
pub(super) struct FilterParameters;

impl IntoParams for FilterParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        const ACCOUNT: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11";
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let of = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
        let time = || Schema::from(of(KnownFormat::DateTime).pattern(Some(FROM_1970)));
        let id = || Schema::from(of(KnownFormat::Uuid));
        let parameter = |key: &&str| {
            let (description, schema, example) = match *key {
                "from" => (
                    "The start, inclusive (RFC 3339, 1970 to 9999)",
                    time(),
                    "2026-11-13T00:00:00Z",
                ),
                "until" => ("The end, exclusive; after `from`", time(), "2026-11-20T00:00:00Z"),
                "kind" => ("The kind of event", word::event_kind().into(), "permission_check"),
                "outcome" => ("The outcome", word::outcome().into(), "denied"),
                "actor" => ("The id of the account that acted", id(), ACCOUNT),
                "subject" => ("The id of the account concerned", id(), ACCOUNT),
                "resource" => ("The resource of a permission check", text().into(), "absence"),
                _ => ("The address of the client: IPv4 or IPv6", address(), "192.0.2.7"),
            };
            word::query_parameter(key, description, schema, example)
        };
        KEYS.iter().map(parameter).collect()
    }
}

/// The filter of a query. An invalid value becomes a fault that lists the valid ones.
pub(super) fn read(query: &Query, faults: &mut Vec<FieldProblem>) -> Filter {
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
