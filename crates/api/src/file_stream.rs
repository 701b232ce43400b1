//! Files of any size as a response.

use std::io;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream;
use portcullis_domain::Timestamp;
use portcullis_web::Concurrency;

/// Permits for exports of the audit log. Each holds as much memory as a search, and a thread.
pub(crate) const EXPORTS: Concurrency =
    Concurrency { name: "exports", places: 4, unit: None, wait: Duration::ZERO };

/// Permits for copies of own data, apart from those of the audit log: every account may ask.
pub(crate) const OWN_COPIES: Concurrency =
    Concurrency { name: "copies", places: 4, unit: None, wait: Duration::ZERO };

/// The name of a file, such as `audit-20270115T080000Z.csv`.
pub(crate) fn name(kind: &str, now: Timestamp, extension: &str) -> String {
    let second = Timestamp::from_seconds(now.as_seconds()).to_string();
    let digits: String = second.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{kind}-{digits}.{extension}")
}

/// The response to a HEAD request: the headers of the file. Nothing is read for it, so nothing is recorded.
pub(crate) fn respond_to_head(content_type: &'static str, name: &str) -> HttpResponse {
    // An empty stream has no Content-Length, like that of a GET request.
    headers(content_type, name).streaming(stream::empty::<io::Result<Bytes>>())
}

/// The headers of a file.
pub(crate) fn headers(content_type: &'static str, name: &str) -> HttpResponseBuilder {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition));
    response
}
