//! `GET /api/admin/audit/export`: the audit log as a file of any size, in constant memory.

use actix_web::{HttpRequest, HttpResponse, http, web};
use portcullis_audit::{CsvWriter, Entry, ExportFormat, Filter, JsonLinesWriter};
use portcullis_domain::Ambient;
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::{AuditLog, AuditLogError};
use portcullis_web::{
    AUDIT_FILTER_KEYS, Body, Caller, Chunks, Code, ConcurrencyPermit, Guard, Limit, Method,
    Priority, Problem, Query, Route, StreamError, audit_filter, stream_body,
};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::filter::FilterParameters;
use crate::file_stream::{self, EXPORTS};
use crate::openapi::word;

pub(crate) const EXPORT: Route = Route {
    method: Method::Get,
    path: "/api/admin/audit/export",
    guard: Guard::permitted(&[permission::EXPORT_AUDIT_LOG]).recent(),
    limit: Limit::concurrent(&EXPORTS).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Exports the matching entries of the audit log, newest first, as CSV or JSON lines.
///
/// CSV cells that a spreadsheet would interpret as a formula begin with an apostrophe. The audit log
/// records the export before it begins. A HEAD request exports and records nothing.
#[utoipa::path(get, path = EXPORT.path, operation_id = "exportAuditLog", tag = "audit",
    params(
        FormatParameter,
        FilterParameters,
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv", example = json!("at,id,kind,outcome,actor,subject,…\r\n")),
        (String = "application/jsonl",
            extensions(("x-itemSchema" = json!({ "$ref": "#/components/schemas/AuditEntry" }))),
            example = json!("{\"at\":\"2026-11-20T09:30:00Z\",…}\n"))))))]
pub(crate) async fn export(
    caller: Caller,
    place: ConcurrencyPermit,
    request: HttpRequest,
    trail: web::Data<AuditLog>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let (filter, format) = wanted(&request)?;
    let (content_type, extension) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        _ => ("application/jsonl", "jsonl"),
    };
    let name = file_stream::name("audit", ambient.now(), extension);
    if request.method() == http::Method::HEAD {
        return Ok(file_stream::respond_to_head(content_type, &name));
    }
    let caller = caller.0;
    stream_body(place, file_stream::headers(content_type, &name), move |chunks| {
        write(&mut trail.export(&caller, &filter, format)?, format, chunks)
    })
    .await
}

/// The form of the file, for the API document.
struct FormatParameter;

impl IntoParams for FormatParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = word::one_of(["csv", "jsonl"]);
        vec![word::query_parameter(
            "format",
            "The format: `csv` (default) or `jsonl`",
            schema,
            "jsonl",
        )]
    }
}

fn wanted(request: &HttpRequest) -> Result<(Filter, ExportFormat), Problem> {
    let query = Query::read(request, &[AUDIT_FILTER_KEYS, &["format"]].concat())?;
    let mut faults = Vec::new();
    let filter = audit_filter(&query, &mut faults);
    let format = query.parsed(
        "format",
        || "use one of csv, jsonl".to_owned(),
        |word| match word {
            "csv" => Some(ExportFormat::Csv),
            "jsonl" => Some(ExportFormat::JsonLines),
            _ => None,
        },
        &mut faults,
    );
    if faults.is_empty() {
        Ok((filter, format.unwrap_or(ExportFormat::Csv)))
    } else {
        Err(Problem::invalid(faults))
    }
}

fn write(
    entries: &mut dyn Iterator<Item = Result<Entry<'static>, AuditLogError>>,
    format: ExportFormat,
    chunks: &mut Chunks,
) -> Result<(), StreamError<AuditLogError>> {
    if format == ExportFormat::Csv {
        let mut writer = CsvWriter::new(chunks)?;
        for entry in entries {
            writer.write(&entry?)?;
        }
        writer.finish()?;
    } else {
        let mut writer = JsonLinesWriter::new(chunks);
        for entry in entries {
            writer.write(&entry?)?;
        }
        writer.finish()?;
    }
    Ok(())
}
