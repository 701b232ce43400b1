//! `/api/admin/invitations`: administrators invite people to register.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountId, AccountKind, InvitationId, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::identity::invitation::{Invitation, InvitationError, Invitations};
use portcullis_flows::identity::provisioning::PersonKind;
use portcullis_web::{
    Body, Caller, Code, FieldProblem, Guard, Json, Limit, Method, Problem, Query, Route, ShortText,
    Text, blocking,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word;

/// A page of invitations.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationsAnswer {
    items: Vec<InvitationAnswer>,
    /// The cursor of the next page; null on the last one.
    #[schema(value_type = Option<String>, example = json!(null))]
    next_cursor: Option<InvitationId>,
}

/// An invitation that waits.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationAnswer {
    /// The id of the invitation.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15")]
    id: InvitationId,
    /// The address that got the link.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The role of the account.
    #[schema(example = "resident")]
    role: String,
    #[schema(schema_with = word::account_kind)]
    kind: AccountKind,
    /// The inviting account; null for the operator.
    #[schema(value_type = Option<String>, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    invited_by: Option<AccountId>,
    /// The time of the invitation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// The end of the invitation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-27T09:30:00Z")]
    expires_at: Timestamp,
}

impl From<Invitation> for InvitationAnswer {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.as_str().to_owned(),
            role: invitation.role.as_str().to_owned(),
            kind: invitation.kind,
            invited_by: invitation.inviter,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// A person to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationBody {
    /// The email address. The account gets it, verified.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Text,
    /// The role, from the access matrix: no higher than that of the caller.
    #[schema(value_type = String, max_length = 256, example = "resident")]
    role: ShortText,
    #[serde(default)]
    #[schema(schema_with = person_kind, required = false)]
    kind: Option<ShortText>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/invitations",
    guard: Guard::permitted(&[permission::INVITE]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the invitations that wait, the latest first.
///
/// The header `Link` contains the address of the next page (RFC 8288).
#[utoipa::path(get, path = LIST.path, operation_id = "listInvitations", tag = "users",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of invitations, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = InvitationsAnswer, description = "A page of invitations")))]
pub(crate) async fn list(
    request: HttpRequest,
    invitations: web::Data<Invitations>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["limit", "cursor"])?;
    let mut faults = Vec::new();
    let limit = query.parsed(
        "limit",
        || format!("use a number from 1 to {MAX_LIMIT}"),
        |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
        &mut faults,
    );
    let cursor = query.parsed(
        "cursor",
        || "use the next_cursor of the page before, or none".to_owned(),
        |text| text.parse::<InvitationId>().ok(),
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let page = blocking(move || invitations.list(cursor, limit.unwrap_or(DEFAULT_LIMIT))).await?;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &page.next {
        let next = query.with("cursor", &cursor.to_string());
        let next = format!("<{}?{next}>; rel=\"next\"", request.path());
        response.insert_header((header::LINK, next));
    }
    let items = page.invitations.into_iter().map(InvitationAnswer::from).collect();
    Ok(response.json(InvitationsAnswer { items, next_cursor: page.next }))
}

fn person_kind() -> Object {
    word::one_of_or_null(PersonKind::ALL.iter().map(|kind| kind.as_str()))
        .description(Some("The kind of the account: `user` (default) or `developer`."))
        .examples(["user"])
        .build()
}

pub(crate) const CREATE: Route = Route {
    method: Method::Post,
    path: "/api/admin/invitations",
    guard: Guard::permitted(&[permission::INVITE]).recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::AboveOwnRole,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
        Code::UnacceptableAccount,
        Code::EmailTaken,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Invites the owner of an address, who gets a mail with a link.
///
/// A newer invitation replaces an earlier one for the same address. The link carries the token that
/// `POST /api/auth/register` takes as `invitation`.
#[utoipa::path(post, path = CREATE.path, operation_id = "createInvitation", tag = "users",
    request_body = InvitationBody,
    responses((status = 201, body = InvitationAnswer, description = "The invitation")))]
pub(crate) async fn create(
    caller: Caller,
    invitations: web::Data<Invitations>,
    body: Json<InvitationBody>,
) -> Result<HttpResponse, Problem> {
    let InvitationBody { email, role, kind } = body.0;
    let kind = kind.map_or(Some(PersonKind::User), |kind| PersonKind::of(&kind.0));
    let Some(kind) = kind else {
        let message = "use user or developer".to_owned();
        let fault = FieldProblem::new("kind".to_owned(), "unknown_kind", message);
        return Err(Problem::invalid(vec![fault]));
    };
    let invite = move || invitations.invite(&caller.0, &email.0, &role.0, kind);
    Ok(HttpResponse::Created().json(InvitationAnswer::from(blocking(invite).await?)))
}

pub(crate) const REVOKE: Route = Route {
    method: Method::Delete,
    path: "/api/admin/invitations/{id}",
    guard: Guard::permitted(&[permission::INVITE]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Revokes an invitation that waits: its link does not work any more.
#[utoipa::path(delete, path = REVOKE.path, operation_id = "revokeInvitation", tag = "users",
    params(("id" = String, Path, description = "The invitation",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15")),
    responses((status = 204, description = "The invitation is revoked")))]
pub(crate) async fn revoke(
    caller: Caller,
    invitations: web::Data<Invitations>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse::<InvitationId>().map_err(|_| InvitationError::Unknown)?;
    blocking(move || invitations.revoke(&caller.0, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The maximum of invitations on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of invitations on a page.
const DEFAULT_LIMIT: u32 = 50;
