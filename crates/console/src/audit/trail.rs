//! `/console/admin/audit`: search of the audit log, newest entries first, and its export.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_audit::{AuditKeys, Entry, EventKind, Outcome};
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::{AuditLog, AuditLogError};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    AUDIT_FILTER_KEYS, Body, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem,
    Query, Route, audit_filter, blocking,
};

use crate::form::{Faults, Field};
use crate::moment::Moment;
use crate::page::{Frame, Person, page, refused};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    fields: Vec<Field<'a>>,
    kinds: Vec<&'static str>,
    outcomes: Vec<&'static str>,
    kind: String,
    outcome: String,
    entries: Vec<Item>,
    export: Option<String>,
    next: Option<String>,
}

/// An entry in the list.
struct Item {
    at: String,
    kind: String,
    outcome: String,
    is_good: bool,
    subject: String,
    about: String,
    actor: String,
    address: String,
    facts: Vec<(&'static str, String)>,
}

impl From<Entry<'_>> for Item {
    fn from(entry: Entry<'_>) -> Self {
        let t = &ENGLISH;
        let question = entry.resource.as_ref().zip(entry.action.as_ref());
        let about = question.map(|(resource, action)| format!("{resource} {action}"));
        let text = |value: Option<String>| value.filter(|text| !text.is_empty());
        let facts = [
            (t.entry_id, Some(entry.id.to_string())),
            (t.session, entry.session.map(|session| session.to_string())),
            (t.user_agent, text(entry.user_agent.as_ref().map(ToString::to_string))),
            (t.request_id, entry.request_id.as_ref().map(ToString::to_string)),
            (t.role, entry.role.as_ref().map(ToString::to_string)),
            (t.owner, entry.owner.as_ref().map(ToString::to_string)),
            (t.parties, entry.parties.as_ref().map(ToString::to_string)),
            (t.attributes, entry.attributes.as_ref().map(ToString::to_string)),
            (t.matrix_of_entry, entry.matrix_version.map(|version| version.to_string())),
            (t.reason, entry.reason.as_ref().map(ToString::to_string)),
            (t.details, entry.details.as_ref().map(ToString::to_string)),
        ];
        let is_good = [Outcome::Success.as_str(), Outcome::Allowed.as_str()];
        Self {
            at: Moment(entry.at).to_seconds(),
            is_good: is_good.contains(&&*entry.outcome),
            kind: entry.kind.into_owned(),
            outcome: entry.outcome.into_owned(),
            subject: entry.subject.map(|subject| subject.to_string()).unwrap_or_default(),
            about: about.unwrap_or_default(),
            actor: entry.actor.into_owned(),
            address: entry.address.into_owned(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        }
    }
}

/// The entries on a page.
const PAGE: usize = 50;

pub(crate) const SEARCH: Route = Route {
    method: Method::Get,
    path: Section::Audit.path(),
    guard: Guard::permitted(Section::Audit.permissions()),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Searches the log.
pub(crate) async fn search(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    audit_keys: web::Data<AuditKeys>,
    trail: web::Data<AuditLog>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &[AUDIT_FILTER_KEYS, &["cursor"]].concat())?;
    let mut query = query.without_empty();
    for key in ["from", "until"] {
        query.change(key, with_zone);
    }
    let mut faults = Vec::new();
    let filter = audit_filter(&query, &mut faults);
    let actor = person.principal.actor;
    let cursor = query.parsed(
        "cursor",
        || ENGLISH.cursor_fault.to_owned(),
        |text| audit_keys.open_cursor(text, actor, &filter).ok(),
        &mut faults,
    );
    let may_export = person.may(&request, permission::EXPORT_AUDIT_LOG)?;
    let shown = |entries, next: Option<String>| AuditPage {
        frame: Frame::of(&person, &site, ENGLISH.audit_title, SEARCH.path),
        faults: Faults::default(),
        fields: fields(&query),
        kinds: EventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        outcomes: Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
        kind: query.value("kind").unwrap_or_default().to_owned(),
        outcome: query.value("outcome").unwrap_or_default().to_owned(),
        entries,
        export: may_export
            .then(|| format!("/api/admin/audit/export?{}", query.with("format", "csv"))),
        next: next.map(|next| format!("{}?{}", SEARCH.path, query.with("cursor", &next))),
    };
    if !faults.is_empty() {
        let problem = Problem::invalid(faults);
        let mut shown = shown(Vec::new(), None);
        shown.faults = Faults::of(&problem);
        for field in &mut shown.fields {
            field.mark(&shown.faults);
        }
        return refused(&problem, &shown);
    }
    let principal = person.principal.clone();
    let find = move || {
        let found = trail.search(&principal, &filter, cursor, PAGE)?;
        let next = found.next.map(|next| audit_keys.seal_cursor(next, actor, &filter));
        drop(place);
        Ok::<_, AuditLogError>((found.entries, next))
    };
    let (entries, next) = blocking(find).await?;
    page(&shown(entries.into_iter().map(Item::from).collect(), next))
}

fn fields(query: &Query) -> Vec<Field<'_>> {
    let t = &ENGLISH;
    let value = |key: &str| query.value(key).unwrap_or_default();
    // A browser empties a field whose time has more digits than those of milliseconds.
    let local = |key: &str| {
        let time = value(key).trim_end_matches('Z');
        time.get(.."2027-01-15T08:00:00.000".len()).unwrap_or(time)
    };
    vec![
        Field::text("subject", t.about_account, "off").value(value("subject")).optional(),
        Field::text("actor", t.by_account, "off").value(value("actor")).optional(),
        Field::text("address", t.address, "off").value(value("address")).optional(),
        Field::text("resource", t.resource, "off").value(value("resource")).optional(),
        Field::moment("from", t.from).value(local("from")).optional(),
        Field::moment("until", t.before).value(local("until")).optional(),
    ]
}

/// The time of a field of a browser, which has no zone, in UTC.
pub(super) fn with_zone(text: &str) -> String {
    const MINUTES: usize = "2027-01-15T08:00".len();
    // The day has hyphens too.
    let time = text.get("2027-01-15".len()..).unwrap_or_default();
    match text.len() {
        _ if time.contains(['Z', 'z', '+', '-']) => text.to_owned(),
        MINUTES => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    }
}
