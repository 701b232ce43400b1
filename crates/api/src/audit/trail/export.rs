//! `GET /api/admin/audit/export`: the audit log as a file of any size, in constant memory.
//!
//! A thread of the blocking pool reads and writes, at most a few chunks ahead of the client. It
//! ends when the client disconnects or reads nothing for half a minute. If it fails after the
//! first chunk the body is cut off, so that no client takes a part for the whole.

use std::io::{self, Write};
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use portcullis_audit::{CsvWriter, Entry, ExportFormat, Filter, JsonLinesWriter};
use portcullis_domain::Ambient;
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::{AuditLog, AuditLogError};
use portcullis_flows::principal::Principal;
use portcullis_web::{
    Body, Caller, Code, Concurrency, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem,
    Query, Route,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::filter::{self, FilterParameters, KEYS};
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
/// records the export before it begins.
#[utoipa::path(get, path = EXPORT.path, tag = "audit",
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
    let name = file_name(ambient.now(), extension);
    let caller = caller.0;
    let mut chunks = start(trail, place, caller, filter, format);
    // A failure before the first chunk is still answered by a problem.
    let first = match chunks.recv().await {
        Some(Message::Failed(error)) => return Err(error.into()),
        first => first,
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .streaming(stream::unfold((first, chunks), next_chunk)))
}

/// Permits for exports. Each holds as much memory as a search, and a thread.
const EXPORTS: Concurrency =
    Concurrency { name: "exports", places: 4, unit: None, wait: Duration::ZERO };

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
    let query = Query::read(request, &[KEYS, &["format"]].concat())?;
    let mut faults = Vec::new();
    let filter = filter::read(&query, &mut faults);
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

/// The name of the file, such as `audit-20270115T080000Z.csv`.
fn file_name(now: Timestamp, extension: &str) -> String {
    let second = Timestamp::from_seconds(now.as_seconds()).to_string();
    let digits: String = second.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("audit-{digits}.{extension}")
}

/// A message of the thread to the body.
enum Message {
    Chunk(Bytes),
    Done,
    Failed(AuditLogError),
}

fn start(
    trail: web::Data<AuditLog>,
    place: ConcurrencyPermit,
    caller: Principal,
    filter: Filter,
    format: ExportFormat,
) -> Receiver<Message> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let runtime = Handle::current();
    // Not awaited: the thread reports by the channel, and a closed channel shows its end.
    drop(web::block(move || {
        let chunks = Chunks { sender: &sender, runtime: &runtime, buffer: Vec::new() };
        let outcome = match trail.export(&caller, &filter, format) {
            Ok(mut entries) => write(&mut entries, format, chunks),
            Err(error) => Err(ExportFailure::Failed(error)),
        };
        let _gone = match outcome {
            Ok(()) => send(&sender, &runtime, Message::Done),
            Err(ExportFailure::Failed(error)) => {
                tracing::error!(%error, "an export broke off");
                send(&sender, &runtime, Message::Failed(error))
            }
            Err(ExportFailure::Abandoned) => Ok(()),
        };
        drop(place);
    }));
    receiver
}

/// The reason why an export was cut off.
enum ExportFailure {
    Failed(AuditLogError),
    /// The client has disconnected, or reads nothing.
    Abandoned,
}

impl From<AuditLogError> for ExportFailure {
    fn from(error: AuditLogError) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for ExportFailure {
    fn from(_: io::Error) -> Self {
        Self::Abandoned
    }
}

fn write(
    entries: &mut dyn Iterator<Item = Result<Entry<'static>, AuditLogError>>,
    format: ExportFormat,
    chunks: Chunks<'_>,
) -> Result<(), ExportFailure> {
    let chunks = if format == ExportFormat::Csv {
        let mut writer = CsvWriter::new(chunks)?;
        for entry in entries {
            writer.write(&entry?)?;
        }
        writer.finish()?
    } else {
        let mut writer = JsonLinesWriter::new(chunks);
        for entry in entries {
            writer.write(&entry?)?;
        }
        writer.finish()?
    };
    Ok(chunks.finish()?)
}

/// Collects the output and sends it in chunks.
///
/// A flush sends nothing: a CSV writer flushes also when it is dropped, and an export that failed before
/// its first chunk must not send one.
struct Chunks<'a> {
    sender: &'a Sender<Message>,
    runtime: &'a Handle,
    buffer: Vec<u8>,
}

impl Chunks<'_> {
    /// Sends the rest of the output.
    fn finish(mut self) -> io::Result<()> {
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        send(self.sender, self.runtime, Message::Chunk(chunk.into()))
    }
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send(sender: &Sender<Message>, runtime: &Handle, message: Message) -> io::Result<()> {
    let sent = runtime.block_on(sender.send_timeout(message, CLIENT_TIMEOUT));
    sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
}

type ExportState = (Option<Message>, Receiver<Message>);

async fn next_chunk(
    (message, mut chunks): ExportState,
) -> Option<(Result<Bytes, io::Error>, ExportState)> {
    let broken = || io::Error::other("the export broke off");
    match message {
        Some(Message::Chunk(bytes)) => {
            let next = chunks.recv().await;
            Some((Ok(bytes), (next, chunks)))
        }
        Some(Message::Done) => None,
        // Without a final message of the thread, the body may be incomplete.
        Some(Message::Failed(_)) | None => Some((Err(broken()), (Some(Message::Done), chunks))),
    }
}

/// The size of a chunk in bytes, or a little more.
const CHUNK: usize = 64 * 1024;

/// The maximum of chunks that wait for the client.
const CHUNKS_AHEAD: usize = 4;

/// The maximum time in which a client reads nothing.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
