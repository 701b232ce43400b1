//! `GET /api/admin/audit` and `/api/admin/decisions/{id}`: search of the audit log, for auditors.

pub(crate) mod export;
mod filter;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_audit::{AuditKeys, DecisionId, Entry};
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::{AuditLog, AuditLogError};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    AUDIT_FILTER_KEYS, Body, Caller, Code, ConcurrencyPermit, Guard, Limit, Method, Priority,
    Problem, Query, Route, audit_filter, blocking,
};
use serde::Serialize;

use self::filter::FilterParameters;
use crate::openapi::schema::trail::{AuditEntry, AuditPage};

/// One page of a search.
#[derive(Serialize)]
struct PageAnswer {
    items: Vec<Entry<'static>>,
    next_cursor: Option<String>,
}

pub(crate) const SEARCH: Route = Route {
    method: Method::Get,
    path: "/api/admin/audit",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG]),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Searches the audit log, newest entries first. An entry must match all parameters.
///
/// The header `Link` contains the address of the next page (RFC 8288). The audit log records the
/// first page of a search. A cursor continues only the same search. To find refreshes, search by
/// account.
#[utoipa::path(get, path = SEARCH.path, operation_id = "searchAuditLog", tag = "audit",
    params(
        FilterParameters,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of entries, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, description = "A page of entries", body = AuditPage, example = json!({ "items": [{
            "at": "2026-11-20T09:30:00Z", "id": "5f1c9a7e40d2b836-42", "kind": "permission_check",
            "outcome": "denied", "actor": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "subject": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "session": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12", "address": "192.0.2.7",
            "user_agent": "curl/8", "request_id": "5f1c9a7e40d2b836-2a", "role": "msa",
            "resource": "report", "action": "read", "matrix_version": 1,
            "reason": "denied: no grant" }], "next_cursor": null }))))]
pub(crate) async fn search(
    caller: Caller,
    place: ConcurrencyPermit,
    request: HttpRequest,
    audit_keys: web::Data<AuditKeys>,
    trail: web::Data<AuditLog>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &[AUDIT_FILTER_KEYS, &["limit", "cursor"]].concat())?;
    let mut faults = Vec::new();
    let filter = audit_filter(&query, &mut faults);
    let limit = query.parsed(
        "limit",
        || format!("use a number from 1 to {MAX_LIMIT}"),
        |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
        &mut faults,
    );
    let caller = caller.0;

    let cursor = query.parsed(
        "cursor",
        || "use the next_cursor of the page before with the same search, or none".to_owned(),
        |text| audit_keys.open_cursor(text, caller.actor, &filter).ok(),
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let search = move || {
        let page = trail.search(&caller, &filter, cursor, limit.unwrap_or(DEFAULT_LIMIT))?;
        let next = page.next.map(|next| audit_keys.seal_cursor(next, caller.actor, &filter));
        drop(place);
        Ok::<_, AuditLogError>((page.entries, next))
    };
    let (items, next_cursor) = blocking(search).await?;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let next = format!("<{}?{}>; rel=\"next\"", request.path(), query.with("cursor", cursor));
        response.insert_header((header::LINK, next));
    }
    Ok(response.json(PageAnswer { items, next_cursor }))
}

pub(crate) const DECISION: Route = Route {
    method: Method::Get,
    path: "/api/admin/decisions/{id}",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG]),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::NotFound, Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns one decision with its reason. The audit log records the access.
///
/// A decision can be read when it is stored, at most one recording window after its response.
#[utoipa::path(get, path = DECISION.path, operation_id = "getDecision", tag = "audit",
    params(("id" = String, Path, description = "The `decision_id` of a response",
        example = "5f1c9a7e40d2b836-42")),
    responses((status = 200, description = "The decision", body = AuditEntry, example = json!({
            "at": "2026-11-20T09:30:00Z", "id": "5f1c9a7e40d2b836-42", "kind": "permission_check",
            "outcome": "allowed", "actor": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "subject": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "session": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12", "address": "192.0.2.7",
            "request_id": "5f1c9a7e40d2b836-2a", "role": "coordinator", "resource": "absence",
            "action": "approve", "owner": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13",
            "matrix_version": 1,
            "reason": "granted by coordinator absence approve [not_own] (line 45)" }))))]
pub(crate) async fn decision(
    caller: Caller,
    place: ConcurrencyPermit,
    trail: web::Data<AuditLog>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let id: DecisionId = id.parse().map_err(|_| not_found())?;
    let caller = caller.0;
    let read = move || {
        let entry = trail.decision(&caller, id);
        drop(place);
        entry
    };
    let entry = blocking(read).await?;
    Ok(HttpResponse::Ok().json(entry.ok_or_else(not_found)?))
}

/// The maximum of entries on a page.
const MAX_LIMIT: usize = 200;

/// The default number of entries on a page.
const DEFAULT_LIMIT: usize = 50;
