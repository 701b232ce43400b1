//! Files of any size as a response, in constant memory.
//!
//! A thread of the blocking pool reads and writes, at most a few chunks ahead of the client. It
//! ends when the client disconnects or reads nothing for half a minute. If it fails after the
//! first chunk the body is cut off, so that no client takes a part for the whole.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream;
use portcullis_domain::Timestamp;
use portcullis_web::{Concurrency, ConcurrencyPermit, Problem};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Permits for exports of the audit log. Each holds as much memory as a search, and a thread.
pub(crate) const EXPORTS: Concurrency =
    Concurrency { name: "exports", places: 4, unit: None, wait: Duration::ZERO };

/// Permits for copies of own data, apart from those of the audit log: every account may ask.
pub(crate) const OWN_COPIES: Concurrency =
    Concurrency { name: "copies", places: 4, unit: None, wait: Duration::ZERO };

/// The reason why a file was cut off.
pub(crate) enum FileError<E> {
    Failed(E),
    /// The client has disconnected, or reads nothing.
    Abandoned,
}

impl<E> From<io::Error> for FileError<E> {
    fn from(_: io::Error) -> Self {
        Self::Abandoned
    }
}

/// The name of a file, such as `audit-20270115T080000Z.csv`.
pub(crate) fn name(kind: &str, now: Timestamp, extension: &str) -> String {
    let second = Timestamp::from_seconds(now.as_seconds()).to_string();
    let digits: String = second.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{kind}-{digits}.{extension}")
}

/// The response with the file that `write` writes. A failure before the first chunk is answered by
/// a problem.
pub(crate) async fn respond<E>(
    place: ConcurrencyPermit,
    content_type: &'static str,
    name: &str,
    write: impl FnOnce(&mut Chunks) -> Result<(), FileError<E>> + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    E: fmt::Display + Into<Problem> + Send + 'static,
{
    let mut chunks = start(place, write);
    let first = match chunks.recv().await {
        Some(Message::Failed(error)) => return Err(error.into()),
        first => first,
    };
    Ok(headers(content_type, name).streaming(stream::unfold((first, chunks), next_chunk)))
}

/// The response to a HEAD request: the headers of the file. Nothing is read for it, so nothing is recorded.
pub(crate) fn respond_to_head(content_type: &'static str, name: &str) -> HttpResponse {
    // An empty stream has no Content-Length, like that of a GET request.
    headers(content_type, name).streaming(stream::empty::<io::Result<Bytes>>())
}

fn headers(content_type: &'static str, name: &str) -> HttpResponseBuilder {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition));
    response
}

/// A message of the thread to the body.
enum Message<E> {
    Chunk(Bytes),
    Done,
    Failed(E),
}

fn start<E: fmt::Display + Send + 'static>(
    place: ConcurrencyPermit,
    write: impl FnOnce(&mut Chunks) -> Result<(), FileError<E>> + Send + 'static,
) -> Receiver<Message<E>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let runtime = Handle::current();
    // Not awaited: the thread reports by the channel, and a closed channel shows its end.
    drop(web::block(move || {
        let (chunk_sender, chunk_runtime) = (sender.clone(), runtime.clone());
        let send_chunk = move |chunk| send(&chunk_sender, &chunk_runtime, Message::Chunk(chunk));
        let mut chunks = Chunks { send: Box::new(send_chunk), buffer: Vec::new() };
        let written = write(&mut chunks).and_then(|()| Ok(chunks.flush_all()?));
        let _gone = match written {
            Ok(()) => send(&sender, &runtime, Message::Done),
            Err(FileError::Failed(error)) => {
                tracing::error!(%error, "an export broke off");
                send(&sender, &runtime, Message::Failed(error))
            }
            Err(FileError::Abandoned) => Ok(()),
        };
        drop(place);
    }));
    receiver
}

/// Collects the output and sends it in chunks.
///
/// A flush sends nothing: a CSV writer flushes also when it is dropped, and an export that failed before
/// its first chunk must not send one.
pub(crate) struct Chunks {
    send: Box<dyn Fn(Bytes) -> io::Result<()>>,
    buffer: Vec<u8>,
}

impl Chunks {
    fn flush_all(&mut self) -> io::Result<()> {
        let chunk = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        (self.send)(chunk.into())
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush_all()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send<E>(sender: &Sender<Message<E>>, runtime: &Handle, message: Message<E>) -> io::Result<()> {
    let sent = runtime.block_on(sender.send_timeout(message, CLIENT_TIMEOUT));
    sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
}

type StreamState<E> = (Option<Message<E>>, Receiver<Message<E>>);

async fn next_chunk<E>(
    (message, mut chunks): StreamState<E>,
) -> Option<(Result<Bytes, io::Error>, StreamState<E>)> {
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
