//! `/console/admin/audit`: search of the audit log, newest entries first, and its export. The script `tail.js`
//! asks for the entries since the newest one while the page is visible.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_audit::{AuditKeys, Entry, EventKind, Outcome};
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::{AuditLog, AuditLogError};
use portcullis_flows::principal::Principal;
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    AUDIT_FILTER_KEYS, Body, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem,
    Query, Route, audit_filter, blocking,
};

use crate::audit::item::Item;
use crate::form::{Faults, Field};
use crate::page::{Frame, Person, page, refused};
use crate::section::Section;
use crate::site::Site;
use crate::strings::{AUDIT, AuditStrings, ENGLISH};

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
    texts: &'static AuditStrings,
    /// The path of the search from its begin.
    newest: String,
    /// The path of the entries since the newest one, for the script.
    newer: Option<String>,
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
    let query = Query::read(&request, &[AUDIT_FILTER_KEYS, &[CURSOR, SINCE]].concat())?;
    let mut query = query.without_empty();
    for key in ["from", "until"] {
        query.change(key, with_zone);
    }
    let mut faults = Vec::new();
    let filter = audit_filter(&query, &mut faults);
    let actor = person.principal.actor;
    let mut place_of = |key| {
        query.parsed(
            key,
            || ENGLISH.cursor_fault.to_owned(),
            |text| audit_keys.open_cursor(text, actor, &filter).ok(),
            &mut faults,
        )
    };
    let (cursor, since) = (place_of(CURSOR), place_of(SINCE));
    let query = query.without(&[CURSOR, SINCE]);
    let may_export = person.may(&request, permission::EXPORT_AUDIT_LOG)?;
    let shown = |found: Found| AuditPage {
        frame: Frame::of(&person, &site, ENGLISH.audit_title, SEARCH.path),
        faults: Faults::default(),
        fields: fields(&query),
        kinds: EventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        outcomes: Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
        kind: query.value("kind").unwrap_or_default().to_owned(),
        outcome: query.value("outcome").unwrap_or_default().to_owned(),
        entries: found.entries.into_iter().map(Item::from).collect(),
        export: may_export
            .then(|| format!("/api/admin/audit/export?{}", query.with("format", "csv"))),
        next: found.next.map(|next| path(&query.with(CURSOR, &next))),
        texts: &AUDIT,
        newest: path(&query.as_text()),
        newer: found.newest.map(|newest| path(&query.with(SINCE, &newest))),
    };
    if !faults.is_empty() {
        let problem = Problem::invalid(faults);
        let mut shown = shown(Found::default());
        shown.faults = Faults::marked(&problem, &mut shown.fields);
        return refused(&problem, &shown);
    }
    // Later pages and searches of the past get no newer entries.
    let is_live = cursor.is_none() && filter.until.is_none();
    let principal = person.principal.clone();
    let find = move || {
        let mut found = match since {
            Some(since) => trail.newer(&filter, since, PAGE)?,
            None => trail.search(&principal, &filter, cursor, PAGE)?,
        };
        if since.is_some() {
            found.entries.retain(|entry| !is_own_check(entry, &principal));
        }
        let seal = |cursor| audit_keys.seal_cursor(cursor, actor, &filter);
        drop(place);
        Ok::<_, AuditLogError>(Found {
            entries: found.entries,
            next: found.next.map(seal),
            newest: is_live.then(|| seal(found.newest)),
        })
    };
    let found = blocking(find).await?;
    page(&shown(found))
}

/// The key of the place after which a page begins.
const CURSOR: &str = "cursor";

/// The key of the place since which entries are new. It continues a recorded search.
const SINCE: &str = "since";

/// The entries of a page, with sealed places.
#[derive(Default)]
struct Found {
    entries: Vec<Entry<'static>>,
    next: Option<String>,
    newest: Option<String>,
}

fn path(query: &str) -> String {
    format!("{}?{query}", SEARCH.path)
}

/// True for the permission checks that looking at the audit log causes: a page that shows its own would never be
/// without news.
fn is_own_check(entry: &Entry<'_>, principal: &Principal) -> bool {
    let (resource, _) = permission::READ_AUDIT_LOG;
    entry.kind == EventKind::PermissionCheck.as_str()
        && entry.session.is_some()
        && entry.session == principal.session()
        && entry.resource.as_deref() == Some(resource)
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
