//! `GET /api/revocations/snapshot`: the snapshot of all revocations, for a new follower.
//!
//! It is read page by page at the speed of the client, so that neither its size nor a slow client
//! costs memory. After a failure the body is cut off, without the last line, which makes it
//! complete.

use std::{io, mem};

use actix_web::http::{self, header};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use portcullis_domain::{Ambient, ExposeSecret};
use portcullis_flows::StoreError;
use portcullis_flows::access::permission;
use portcullis_flows::node::revocation::{Revocations, Snapshot};
use portcullis_token::{RevocationEntry, SnapshotClaims, TokenAuthority};
use portcullis_web::{Body, Code, Guard, Limit, Method, Priority, Problem, Route, blocking};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) const TAKE: Route = Route {
    method: Method::Get,
    path: "/api/revocations/snapshot",
    guard: Guard::service(&[permission::READ_REVOCATIONS]),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::Unavailable, Code::RevocationsStale],
};

/// Returns all revocations as JSON lines: one entry of the feed on each line, then the signature.
///
/// The last line is `{"signed": "…"}`: a JWT with the header `typ: rs+jwt`, signed with the key of
/// access tokens. Its audience is that of access tokens, followed by `/revocations`. Its claims are
/// `entries`, the number of entries; `jti`, the SHA-256 digest of all bytes before this line; and
/// `cursor`, the cursor of the feed after the snapshot.
#[utoipa::path(get, path = TAKE.path, operation_id = "getRevocationSnapshot", tag = "services",
    responses((status = 200, description = "The lines", body = String,
        content_type = "application/jsonl", example = json!(
            "{\"sid\":\"019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12\",\"exp\":1800001800}\n\
             {\"signed\":\"eyJ0eXAiOiJyc…\"}\n"))))]
pub(crate) async fn take(
    request: HttpRequest,
    revocations: web::Data<Revocations>,
    authority: web::Data<TokenAuthority>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    if revocations.is_stale() {
        return Err(Problem::revocations_stale());
    }
    let mut taking = SnapshotTransfer {
        snapshot: revocations.snapshot(),
        digest: Sha256::new(),
        entries: 0,
        revocations,
        authority,
        ambient,
    };
    // A failure before the first line is still answered by a problem.
    let first = taking.lines().await?;
    let mut response = HttpResponse::Ok();
    response.content_type("application/jsonl").insert_header((header::CACHE_CONTROL, "no-store"));
    if request.method() == http::Method::HEAD {
        return Ok(response.finish());
    }
    Ok(response.streaming(stream::unfold(Some((first, taking)), advance)))
}

/// A snapshot in transfer.
struct SnapshotTransfer {
    revocations: web::Data<Revocations>,
    authority: web::Data<TokenAuthority>,
    ambient: web::Data<Ambient>,
    snapshot: Snapshot,
    digest: Sha256,
    entries: u64,
}

impl SnapshotTransfer {
    /// The next lines; empty at the end.
    async fn lines(&mut self) -> Result<Bytes, Problem> {
        let mut snapshot = self.revocations.snapshot();
        mem::swap(&mut snapshot, &mut self.snapshot);
        let read = move || Ok::<_, StoreError>((snapshot.next().transpose()?, snapshot));
        let (page, snapshot) = blocking(read).await?;
        self.snapshot = snapshot;
        let entries = page.unwrap_or_default();
        let lines = lines(&entries);
        self.digest.update(&lines);
        self.entries += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        Ok(lines.into())
    }

    /// The last line: the signature.
    fn signature(self) -> Bytes {
        let now = self.ambient.now();
        let signed = self.authority.sign_snapshot(&SnapshotClaims {
            cursor: self.snapshot.feed_state().cursor.to_string(),
            entries: self.entries,
            digest: self.digest.finalize().into(),
            issued_at: now,
            expires_at: now + SnapshotClaims::LIFETIME,
        });
        Bytes::from(format!("{}\n", json!({ "signed": signed.expose_secret() })))
    }
}

fn lines(entries: &[RevocationEntry]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(entries.len() * LINE);
    for entry in entries {
        lines.extend(serde_json::to_vec(entry).unwrap_or_default());
        lines.push(b'\n');
    }
    lines
}

/// The approximate size of a line in bytes.
const LINE: usize = 72;

/// The next lines without the last one, and the state for reading more; `None` when all was sent.
type TransferState = Option<(Bytes, SnapshotTransfer)>;

async fn advance(progress: TransferState) -> Option<(Result<Bytes, io::Error>, TransferState)> {
    let (lines, mut taking) = progress?;
    if lines.is_empty() {
        return Some((Ok(taking.signature()), None));
    }
    match taking.lines().await {
        Ok(next) => Some((Ok(lines), Some((next, taking)))),
        Err(_) => Some((Err(io::Error::other("the snapshot broke off")), None)),
    }
}
