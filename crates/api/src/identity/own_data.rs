//! `GET /api/auth/me/data`: a copy of everything that is stored about the caller.

use std::io::Write;

use actix_web::{HttpRequest, HttpResponse, http, web};
use portcullis_audit::EventKind;
use portcullis_domain::{Ambient, AuthenticationMethod, SessionId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::audit::trail::AuditLogError;
use portcullis_flows::identity::own_data::{
    BackupCodesRecord, FormerEmailRecord, MailRecord, OwnData, OwnRecords, SessionRecord,
    TotpRecord,
};
use portcullis_flows::machine::api_key::ApiKeys;
use portcullis_web::{
    Body, Caller, Chunks, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem, Route,
    StreamError, blocking, stream_body,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::answer::AccountAnswer;
use crate::file_stream::{self, OWN_COPIES};
use crate::identity::invitation::InvitationAnswer;
use crate::machine::api_key::ApiKeyAnswer;
use crate::openapi::schema::trail::AuditEntry;
use crate::openapi::word;
use crate::sign_in::device::KnownDeviceAnswer;
use crate::sign_in::passkey::PasskeyAnswer;

const JSON: &str = "application/json";

/// A session of the own account, live or ended.
#[derive(Serialize, ToSchema)]
struct SessionItem<'a> {
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    id: SessionId,
    /// The name of the device.
    #[schema(example = "work laptop")]
    device_name: Option<&'a str>,
    #[schema(schema_with = word::delivery)]
    delivery: &'a str,
    #[schema(schema_with = word::authentication_methods)]
    amr: &'a [AuthenticationMethod],
    #[schema(schema_with = word::assurance_level)]
    acr: &'static str,
    /// The time of the sign-in (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    signed_in_at: Timestamp,
    /// The client address of the sign-in; null for a session of an earlier version.
    #[schema(example = "192.0.2.7")]
    signed_in_from: Option<&'a str>,
    /// The time of the latest proof in it: of the sign-in or of a step-up (RFC 3339, UTC); null for a session
    /// of an earlier version.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:31:00Z")]
    proven_at: Option<Timestamp>,
    /// The time of the latest refresh.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T10:01:00Z")]
    refreshed_at: Timestamp,
    /// The expiry.
    #[schema(value_type = String, format = DateTime, example = "2026-11-27T10:01:00Z")]
    expires_at: Timestamp,
    /// The time of its end, if it ended.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T18:00:00Z")]
    ended_at: Option<Timestamp>,
    #[schema(schema_with = end_reason)]
    end_reason: Option<&'a str>,
}

fn end_reason() -> Object {
    let kinds = EventKind::ALL.iter().map(|kind| kind.as_str());
    word::one_of_or_null(kinds)
        .description(Some("The reason of its end: a kind of event of the audit log."))
        .examples(["sign_out"])
        .build()
}

/// A mail to the own account.
#[derive(Serialize, ToSchema)]
struct MailItem<'a> {
    #[schema(schema_with = word::mail_kind)]
    kind: &'a str,
    /// The address to which it was or will be sent.
    #[schema(example = "ada@example.org")]
    recipient: &'a str,
    /// The time of the event that caused it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    created_at: Timestamp,
    /// The time at which the mail server accepted it; null before.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:31:02Z")]
    delivered_at: Option<Timestamp>,
}

/// A former address of the own account.
#[derive(Serialize, ToSchema)]
struct FormerEmailItem<'a> {
    /// The address, in lower case, with its domain in ASCII.
    #[schema(example = "ada@example.net")]
    email: &'a str,
    /// The time at which another one replaced it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    replaced_at: Timestamp,
}

/// The own authenticator app, without its seed.
#[derive(Serialize, ToSchema)]
struct TotpItem {
    /// The time of its confirmation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    confirmed_at: Timestamp,
    /// The time of its latest use (RFC 3339, UTC).
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T18:00:00Z")]
    last_used_at: Option<Timestamp>,
}

/// The own backup codes, without the codes.
#[derive(Serialize, ToSchema)]
struct BackupCodesItem {
    /// The time at which they were generated (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    created_at: Timestamp,
    /// The number of codes that are not used.
    #[schema(example = 9)]
    left: u32,
    /// The time of the latest use (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T18:00:00Z")]
    last_used_at: Option<Timestamp>,
}

/// Everything that is stored about the caller.
#[derive(ToSchema)]
#[schema(as = OwnData)]
#[expect(dead_code, reason = "the shape of the file, which is written part by part")]
pub(crate) struct OwnDataFile<'a> {
    account: AccountAnswer<'a>,
    /// The networks that the account may be used from; an empty list allows all.
    #[schema(example = json!(["192.0.2.0/24"]))]
    allowed_networks: Vec<String>,
    /// The former addresses, the latest first.
    former_emails: Vec<FormerEmailItem<'a>>,
    /// The authenticator app; null without one.
    totp: Option<TotpItem>,
    /// The backup codes; null without any.
    backup_codes: Option<BackupCodesItem>,
    /// The passkeys, the oldest first.
    passkeys: Vec<PasskeyAnswer>,
    /// The API keys, the oldest first, without their text.
    api_keys: Vec<ApiKeyAnswer>,
    /// The invitations that the account sent and that wait, the latest first.
    sent_invitations: Vec<InvitationAnswer>,
    /// The known devices, the latest used first.
    devices: Vec<KnownDeviceAnswer>,
    /// The sessions, the newest first.
    sessions: Vec<SessionItem<'a>>,
    /// The mails of the outbox, the newest first.
    mails: Vec<MailItem<'a>>,
    /// The entries of the audit log about the account, the newest first: events and decisions. The
    /// address is `::` where another account acted.
    audit_log: Vec<AuditEntry>,
}

pub(crate) const EXPORT: Route = Route {
    method: Method::Get,
    path: "/api/auth/me/data",
    guard: Guard::CALLER.recent(),
    limit: Limit::concurrent(&OWN_COPIES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns a copy of everything that is stored about the caller, as a JSON file of any size.
///
/// The audit log records the copy before it begins. A HEAD request copies and records nothing.
#[utoipa::path(get, path = EXPORT.path, operation_id = "exportOwnData", tag = "auth",
    responses((status = 200, body = OwnDataFile, description = "The file")))]
pub(crate) async fn export(
    caller: Caller,
    request: HttpRequest,
    place: ConcurrencyPermit,
    own_data: web::Data<OwnData>,
    keys: web::Data<ApiKeys>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    let name = file_stream::name("own-data", ambient.now(), "json");
    if request.method() == http::Method::HEAD {
        return Ok(file_stream::respond_to_head(JSON, &name));
    }
    let reader = own_data.clone();
    let read =
        move || Ok::<_, StoreError>((reader.records(&caller.0, account)?, keys.list(account)?));
    let (records, keys) = blocking(read).await?;
    let records = records.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    let keys: Vec<ApiKeyAnswer> = keys.into_iter().map(ApiKeyAnswer::from).collect();
    let write = move |chunks: &mut Chunks| write(&records, &keys, &own_data, chunks);
    stream_body(place, file_stream::headers(JSON, &name), write).await
}

fn write(
    records: &OwnRecords,
    keys: &[ApiKeyAnswer],
    own_data: &OwnData,
    chunks: &mut Chunks,
) -> Result<(), StreamError<AuditLogError>> {
    let former_emails: Vec<_> = records.former_emails.iter().map(FormerEmailItem::from).collect();
    let passkeys = records.passkeys.iter().cloned().map(PasskeyAnswer::from);
    let invitations = records.invitations.iter().cloned().map(InvitationAnswer::from);
    let sessions: Vec<_> = records.sessions.iter().map(SessionItem::from).collect();
    let mails: Vec<_> = records.mails.iter().map(MailItem::from).collect();
    chunks.write_all(b"{\"account\":")?;
    json(chunks, &AccountAnswer::from(&records.account))?;
    chunks.write_all(b",\"allowed_networks\":")?;
    json(chunks, &records.account.allowed_networks.networks().collect::<Vec<_>>())?;
    chunks.write_all(b",\"former_emails\":")?;
    json(chunks, &former_emails)?;
    chunks.write_all(b",\"totp\":")?;
    json(chunks, &records.totp.as_ref().map(TotpItem::from))?;
    chunks.write_all(b",\"backup_codes\":")?;
    json(chunks, &records.backup_codes.as_ref().map(BackupCodesItem::from))?;
    chunks.write_all(b",\"passkeys\":")?;
    json(chunks, &passkeys.collect::<Vec<_>>())?;
    chunks.write_all(b",\"api_keys\":")?;
    json(chunks, &keys)?;
    chunks.write_all(b",\"sent_invitations\":")?;
    json(chunks, &invitations.collect::<Vec<_>>())?;
    let devices = records.devices.iter().map(|device| KnownDeviceAnswer::of(device, None));
    chunks.write_all(b",\"devices\":")?;
    json(chunks, &devices.collect::<Vec<_>>())?;
    chunks.write_all(b",\"sessions\":")?;
    json(chunks, &sessions)?;
    chunks.write_all(b",\"mails\":")?;
    json(chunks, &mails)?;
    chunks.write_all(b",\"audit_log\":[")?;
    let filter = OwnData::filter(records.account.id);
    for (place, entry) in own_data.entries(&filter).enumerate() {
        chunks.write_all(if place == 0 { b"\n" } else { b",\n" })?;
        json(chunks, &entry.map_err(StreamError::Failed)?)?;
    }
    Ok(chunks.write_all(b"]}\n")?)
}

fn json(chunks: &mut Chunks, value: &impl Serialize) -> Result<(), StreamError<AuditLogError>> {
    serde_json::to_writer(chunks, value).map_err(|_| StreamError::Abandoned)
}

impl<'a> From<&'a FormerEmailRecord> for FormerEmailItem<'a> {
    fn from(former: &'a FormerEmailRecord) -> Self {
        Self { email: &former.email, replaced_at: former.replaced_at }
    }
}

impl From<&TotpRecord> for TotpItem {
    fn from(totp: &TotpRecord) -> Self {
        Self { confirmed_at: totp.confirmed_at, last_used_at: totp.last_used_at }
    }
}

impl From<&BackupCodesRecord> for BackupCodesItem {
    fn from(codes: &BackupCodesRecord) -> Self {
        let BackupCodesRecord { created_at, left, last_used_at } = *codes;
        Self { created_at, left, last_used_at }
    }
}

impl<'a> From<&'a SessionRecord> for SessionItem<'a> {
    fn from(session: &'a SessionRecord) -> Self {
        Self {
            id: session.id,
            device_name: session.device_name.as_deref(),
            delivery: &session.delivery,
            amr: &session.authentication.methods,
            acr: session.authentication.assurance.as_str(),
            signed_in_at: session.signed_in_at,
            signed_in_from: session.signed_in_from.as_deref(),
            proven_at: session.proven_at,
            refreshed_at: session.refreshed_at,
            expires_at: session.expires_at,
            ended_at: session.ended_at,
            end_reason: session.end_reason.as_deref(),
        }
    }
}

impl<'a> From<&'a MailRecord> for MailItem<'a> {
    fn from(mail: &'a MailRecord) -> Self {
        Self {
            kind: &mail.kind,
            recipient: &mail.recipient,
            created_at: mail.created_at,
            delivered_at: mail.delivered_at,
        }
    }
}
