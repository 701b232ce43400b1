//! `/api/admin/outbox`: lists the mails of the outbox, without their content, and sends one again.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountId, MessageId, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    FailureClass, MailSearch, MailState, OutboxAdministration, OutboxMail, ResendError,
};
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{Object, ObjectBuilder};
use utoipa::{IntoParams, ToSchema};

use crate::openapi::word;

/// A page of mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailsAnswer {
    items: Vec<MailAnswer>,
    /// The cursor of the next page; null on the last one.
    #[schema(value_type = Option<String>, example = json!(null))]
    next_cursor: Option<MessageId>,
}

/// A mail of the outbox, without its content and its address.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailAnswer {
    /// The id of the mail.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e19")]
    id: MessageId,
    #[schema(schema_with = word::mail_kind)]
    kind: String,
    /// The account of the recipient; null for a mail to an address without an account.
    #[schema(value_type = Option<String>, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    account_id: Option<AccountId>,
    #[schema(schema_with = state)]
    state: &'static str,
    /// The time of the event that caused it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// The next attempt (RFC 3339, UTC); null unless the mail waits.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Timestamp>,
    /// The number of attempts since the event, or since it was sent again.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 140)]
    attempts: u32,
    #[schema(schema_with = failure)]
    last_failure: Option<&'static str>,
}

impl From<OutboxMail> for MailAnswer {
    fn from(mail: OutboxMail) -> Self {
        Self {
            id: mail.id,
            kind: mail.kind,
            account_id: mail.account,
            state: mail.state.as_str(),
            created_at: mail.created_at,
            next_attempt_at: mail.due_at,
            attempts: mail.attempts,
            last_failure: mail.failure.map(FailureClass::as_str),
        }
    }
}

/// The states of mails.
fn states() -> ObjectBuilder {
    word::one_of(MailState::ALL.iter().map(|state| state.as_str()))
}

fn state() -> Object {
    let about = "The state: it waits, was delivered, is a dead letter, or is void: without a recipient, \
                 because nobody has the address of the request.";
    states().description(Some(about)).examples(["dead"]).build()
}

fn failure() -> Object {
    word::one_of_or_null(FailureClass::ALL.iter().map(|class| class.as_str()))
        .description(Some(
            "The class of the last failed attempt; null without one. The reply of the mail server is in \
             `portcullis mail dead-letters`.",
        ))
        .examples(["refused"])
        .build()
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/outbox",
    guard: Guard::permitted(&[permission::READ_OUTBOX]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the mails of the outbox, the newest first.
///
/// The header `Link` contains the address of the next page (RFC 8288).
#[utoipa::path(get, path = LIST.path, operation_id = "listMails", tag = "operations",
    params(
        WordParameters,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of mails, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = MailsAnswer, description = "A page of mails")))]
pub(crate) async fn list(
    request: HttpRequest,
    outbox: web::Data<OutboxAdministration>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["state", "kind", "limit", "cursor"])?;
    let search = search(&query)?;
    let page = blocking(move || outbox.list(&search)).await?;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &page.next {
        let next = query.with("cursor", &cursor.to_string());
        let next = format!("<{}?{next}>; rel=\"next\"", request.path());
        response.insert_header((header::LINK, next));
    }
    let items = page.mails.into_iter().map(MailAnswer::from).collect();
    Ok(response.json(MailsAnswer { items, next_cursor: page.next }))
}

/// The parameters with a list of words, for the API document.
struct WordParameters;

impl IntoParams for WordParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = word::query_parameter;
        vec![
            parameter("state", "The state of the mails", states(), "dead"),
            parameter(
                "kind",
                "The kind of the mails",
                word::one_of(Mail::kinds()),
                "reset_password",
            ),
        ]
    }
}

/// The checked query; all its faults are reported together.
fn search(query: &Query) -> Result<MailSearch, Problem> {
    let mut faults = Vec::new();
    let expected = || "use waiting, delivered, dead or void".to_owned();
    let state = query.parsed("state", expected, MailState::of, &mut faults);
    let expected = || "use a kind of mail, such as reset_password".to_owned();
    let kind = query.parsed("kind", expected, Mail::known_kind, &mut faults);
    let expected = || format!("use a number from 1 to {MAX_LIMIT}");
    let number = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", expected, number, &mut faults);
    let expected = || "use the next_cursor of the page before, or none".to_owned();
    let before = query.parsed("cursor", expected, |text| text.parse().ok(), &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    Ok(MailSearch { state, kind, before, most: limit.unwrap_or(DEFAULT_LIMIT) })
}

pub(crate) const RESEND: Route = Route {
    method: Method::Post,
    path: "/api/admin/outbox/{id}/resend",
    guard: Guard::permitted(&[permission::READ_OUTBOX, permission::RESEND_MAILS]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::MailOver,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Makes a mail that waits, or a dead letter, due now, with all attempts.
///
/// A link gets a new secret when it is sent. A mail that was delivered is not sent again, and neither is one
/// whose code or link is over: of a finished sign-in, of a registration, an invitation or a change that is gone,
/// or of an account that has got a later link.
#[utoipa::path(post, path = RESEND.path, operation_id = "resendMail", tag = "operations",
    params(("id" = String, Path, description = "The mail",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e19")),
    responses((status = 200, body = MailAnswer, description = "The mail, which is due now")))]
pub(crate) async fn resend(
    caller: Caller,
    outbox: web::Data<OutboxAdministration>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse::<MessageId>().map_err(|_| ResendError::Unknown)?;
    let mail = blocking(move || outbox.resend(&caller.0, id)).await?;
    Ok(HttpResponse::Ok().json(MailAnswer::from(mail)))
}

/// The maximum of mails on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of mails on a page.
const DEFAULT_LIMIT: u32 = 50;
