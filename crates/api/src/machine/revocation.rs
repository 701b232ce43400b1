//! `GET /api/revocations`: the revocation feed, for services that check tokens themselves.
//!
//! A reader continues with its cursor, on any node, and misses nothing. A cursor that is too old,
//! or from another history, is answered with 410; then the reader needs a snapshot.

pub(crate) mod snapshot;
mod stream;

use actix_web::http::header::{Accept, Header, Quality};
use actix_web::{HttpRequest, HttpResponse, http, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::node::revocation::Cursor;
use portcullis_flows::node::revocation::Revocations;
use portcullis_token::RevocationEntry;
use portcullis_web::{
    Body, Code, FieldProblem, Guard, Limit, Method, Priority, Problem, Query, Route,
};
use serde::Serialize;

use self::stream::Source;
use crate::machine::feed::Feed;
use crate::openapi::schema::service::RevocationPage;

/// A page of the feed.
#[derive(Serialize)]
struct PageAnswer {
    items: Vec<RevocationEntry>,
    /// The value of `after` for the next request; also present on the last page.
    next_cursor: String,
    /// All revocations committed before this time are in this page or earlier ones.
    as_of: Option<Timestamp>,
}

pub(crate) const FEED: Route = Route {
    method: Method::Get,
    path: "/api/revocations",
    guard: Guard::service(&[permission::READ_REVOCATIONS]),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::CursorExpired, Code::Unavailable],
};

/// Returns the revocations after the cursor, as a page or as a stream of server-sent events.
///
/// An entry revokes access tokens: `jti` one token, `sid` the tokens of a session, `sub` with `before`
/// the tokens of an account issued before that second. After `exp`, the entry can be deleted. An
/// entry may be sent more than once. `Accept: text/event-stream` selects the stream.
/// `event: revoked` has a list of entries as its data and the next cursor as its id.
/// `event: heartbeat`, sent every second, has `cursor` and `as_of`: all revocations committed before
/// that time have been sent. `Last-Event-ID` continues an interrupted stream. A stream may end at
/// any time.
#[utoipa::path(get, path = FEED.path, operation_id = "listRevocations", tag = "services",
    params(
        ("after" = Option<String>, Query, pattern = "^(0|[1-9][0-9]*\\.[0-9a-f]{8})$", description = "The cursor: from a \
            snapshot, from `next_cursor` of a page or from the id of an event; `0`, the default, is \
            the beginning", example = "0"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 5000,
            description = "The maximum number of entries, 1 to 5000, by default 1000", example = 1000),
        ("Last-Event-ID" = Option<String>, Header, nullable = false,
            pattern = "^(0|[1-9][0-9]*\\.[0-9a-f]{8})$", description = "The cursor of a stream, \
            instead of `after`"),
    ),
    responses((status = 200, description = "Entries", content(
        (RevocationPage = "application/json", example = json!({ "items": [
            { "sid": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12", "exp": 1_800_001_800 },
            { "sub": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11", "before": 1_800_000_002,
              "exp": 1_800_001_802 }],
            "next_cursor": "4711.5f1c9a7e", "as_of": "2027-01-15T08:00:00Z" })),
        (String = "text/event-stream", example = json!(
            "id: 4711.5f1c9a7e\nevent: revoked\ndata: [{\"sid\":\"…\",\"exp\":1800001800}]\n\n"))))))]
pub(crate) async fn feed(
    request: HttpRequest,
    feed: web::Data<Feed>,
    revocations: web::Data<Revocations>,
) -> Result<HttpResponse, Problem> {
    let streamed = wants_events(&request);
    let (after, limit) = wanted(&request, streamed)?;
    let source = Source { feed, revocations };
    if !streamed {
        let page = source.page(after, limit).await?;
        return Ok(HttpResponse::Ok().json(PageAnswer {
            items: page.entries.iter().map(|numbered| numbered.entry).collect(),
            next_cursor: page.next.to_string(),
            as_of: page.as_of,
        }));
    }
    let events = stream::follow(source, after).await?;
    let mut response = HttpResponse::Ok();
    // Proxies that buffer responses would delay the events.
    response.content_type("text/event-stream").insert_header(("x-accel-buffering", "no"));
    // A HEAD request does not wait for the end of the body.
    let is_head = request.method() == http::Method::HEAD;
    Ok(if is_head { response.finish() } else { response.streaming(events) })
}

/// True if `Accept` prefers events by its quality values (RFC 9110 section 12.5.1).
fn wants_events(request: &HttpRequest) -> bool {
    let Ok(accepted) = Accept::parse(request) else { return false };
    let quality = |range: &str| {
        let named = accepted.iter().filter(|kind| kind.item.essence_str() == range);
        named.map(|kind| kind.quality).max()
    };
    let page = ["application/json", "application/*", "*/*"].into_iter().find_map(quality);
    quality("text/event-stream")
        .is_some_and(|events| events > Quality::ZERO && Some(events) >= page)
}

fn wanted(request: &HttpRequest, streamed: bool) -> Result<(Cursor, u32), Problem> {
    let query = Query::read(request, &["after", "limit"])?;
    let mut faults = Vec::new();
    let advice = || "use a cursor that this server gave you, or 0 for the beginning".to_owned();
    let mut after = query.parsed("after", advice, |text| text.parse().ok(), &mut faults);
    let last = request.headers().get("last-event-id").filter(|value| streamed && !value.is_empty());
    if let Some(value) = last {
        after = value.to_str().ok().and_then(|text| text.parse().ok());
        if after.is_none() {
            let field = "Last-Event-ID".to_owned();
            faults.push(FieldProblem::new(field, "malformed", advice()));
        }
    }
    let limit = query.parsed(
        "limit",
        || format!("use a number from 1 to {MAX_LIMIT}"),
        |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
        &mut faults,
    );
    if faults.is_empty() {
        Ok((after.unwrap_or(Cursor::START), limit.unwrap_or(DEFAULT_LIMIT)))
    } else {
        Err(Problem::invalid(faults))
    }
}

/// The maximum of entries on a page.
const MAX_LIMIT: u32 = 5_000;

/// The default number of entries on a page.
const DEFAULT_LIMIT: u32 = 1_000;
