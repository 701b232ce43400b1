//! Responses of any size and duration, in constant memory: files, and pages that show their progress.
//!
//! A thread of the blocking pool reads and writes, at most a few chunks ahead of the client. It
//! ends when the client disconnects or reads nothing for half a minute. If it fails after the
//! first chunk the body is cut off, so that no client takes a part for the whole.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream;
use portcullis_flows::audit::trail::AuditLogError;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::limit::ConcurrencyPermit;
use crate::problem::Problem;

/// The reason why a body was cut off.
#[derive(Debug)]
pub enum StreamError<E> {
    /// The work failed.
    Failed(E),
    /// The client has disconnected, or reads nothing.
    Abandoned,
}

impl<E> From<io::Error> for StreamError<E> {
    fn from(_: io::Error) -> Self {
        Self::Abandoned
    }
}

impl From<AuditLogError> for StreamError<AuditLogError> {
    fn from(error: AuditLogError) -> Self {
        Self::Failed(error)
    }
}

/// The response with the body that `write` writes. A failure before the first chunk is answered by
/// a problem.
///
/// # Errors
///
/// The problem of such a failure.
pub async fn stream_body<E>(
    place: ConcurrencyPermit,
    mut response: HttpResponseBuilder,
    write: impl FnOnce(&mut Chunks) -> Result<(), StreamError<E>> + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    E: fmt::Display + Into<Problem> + Send + 'static,
{
    let mut chunks = start(place, write);
    let first = match chunks.recv().await {
        Some(Message::Failed(error)) => return Err(error.into()),
        first => first,
    };
    Ok(response.streaming(stream::unfold((first, chunks), next_chunk)))
}

/// A message of the thread to the body.
enum Message<E> {
    Chunk(Bytes),
    Done,
    Failed(E),
}

fn start<E: fmt::Display + Send + 'static>(
    place: ConcurrencyPermit,
    write: impl FnOnce(&mut Chunks) -> Result<(), StreamError<E>> + Send + 'static,
) -> Receiver<Message<E>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let runtime = Handle::current();
    // Not awaited: the thread reports by the channel, and a closed channel shows its end.
    drop(web::block(move || {
        let (chunk_sender, chunk_runtime) = (sender.clone(), runtime.clone());
        let send_chunk = move |chunk| send(&chunk_sender, &chunk_runtime, Message::Chunk(chunk));
        let mut chunks = Chunks { send: Box::new(send_chunk), buffer: Vec::new() };
        let written = write(&mut chunks).and_then(|()| Ok(chunks.send_now()?));
        let _gone = match written {
            Ok(()) => send(&sender, &runtime, Message::Done),
            Err(StreamError::Failed(error)) => {
                tracing::error!(%error, "the work of a response broke off");
                send(&sender, &runtime, Message::Failed(error))
            }
            Err(StreamError::Abandoned) => Ok(()),
        };
        drop(place);
    }));
    receiver
}

/// Collects the output and sends it in chunks.
///
/// A flush sends nothing: a CSV writer flushes also when it is dropped, and an export that failed before
/// its first chunk must not send one.
pub struct Chunks {
    send: Box<dyn Fn(Bytes) -> io::Result<()>>,
    buffer: Vec<u8>,
}

impl Chunks {
    /// Sends what was written so far, so that a person sees it.
    ///
    /// # Errors
    ///
    /// If the client has disconnected, or reads nothing.
    pub fn send_now(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.flush_all() }
    }

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
    let broken = || io::Error::other("the response broke off");
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
