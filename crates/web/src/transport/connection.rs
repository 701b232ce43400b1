//! One connection: the stream that the HTTP server reads and writes, with bounds and refusals.

use std::io::{self, ErrorKind};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use super::admission::AdmittedConnection;
use super::bounds::{
    DRAIN_TIMEOUT, HEAD_TIMEOUT, MAX_DRAINED, MIN_TAKEN, SEND_BUFFER, WRITE_TIMEOUT,
};
use super::context::ConnectionContext;
use super::framing::Framing;
use super::head::HeadError;
use super::progress::Progress;
use super::refusal;
use super::stream::Stream;
use crate::problem::{Code, Problem};

pub(super) struct Connection {
    stream: Stream,
    shared: Rc<ConnectionContext>,
    _place: AdmittedConnection,
    framing: Framing,
    progress: Progress,
    /// The input that the client must send, and the start of the wait.
    awaited: Option<(AwaitedInput, Instant)>,
    /// Discarded bytes of a body.
    drained: usize,
    /// True if nothing more is read.
    is_read: bool,
    /// Bytes of the requests after the present one, which the HTTP server does not have yet.
    ahead: Vec<u8>,
    /// True if the HTTP server got no data although there may be some.
    is_held: bool,
    /// True until a part of the response to the last request is written.
    is_unanswered: bool,
    /// The rest of `100 Continue`.
    interim: &'static [u8],
    /// The start of the time in which the client takes too little of its responses, and the bytes
    /// it took.
    blocked: Option<(Instant, usize)>,
    /// A response of this module: instead of another, or before the connection ends.
    refusal: Option<Refusal>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The input that a client must send within a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AwaitedInput {
    /// The rest of this head.
    Head(u64),
    /// The rest of the body of this request, which has its response.
    Body(u64),
    /// The close by the client after it has seen the response.
    Close,
}

struct Refusal {
    bytes: Vec<u8>,
    written: usize,
    /// Bytes of the HTTP server that this response replaces; `None` if it is sent at the end.
    replaces: Option<usize>,
}

impl Connection {
    pub(super) fn new(
        stream: Stream,
        shared: Rc<ConnectionContext>,
        place: AdmittedConnection,
    ) -> Self {
        // If the system refuses the size, its default stays.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(stream.socket(), SEND_BUFFER);
        shared.lifecycle.connected();
        Self {
            stream,
            shared,
            _place: place,
            framing: Framing::default(),
            progress: Progress::default(),
            awaited: None,
            drained: 0,
            is_read: false,
            ahead: Vec::new(),
            is_held: false,
            is_unanswered: false,
            interim: &[],
            blocked: None,
            refusal: None,
            timer: None,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// True if the present request waits for its response.
    fn is_waiting(&self) -> bool {
        self.framing.heads() > self.progress.answers()
    }

    /// True if the HTTP server gets nothing more before the response is complete: it has the whole
    /// request, and must not see the next one, because it would answer it even after a response
    /// that ends the connection.
    fn is_busy(&self) -> bool {
        self.framing.heads() > self.progress.completed() && !self.framing.is_in_body()
    }

    /// Refuses a client without TLS at a listener with TLS.
    pub(super) fn refuse_without_tls(&mut self) {
        let problem = Problem::new(Code::MalformedRequest);
        self.refuse(&problem.detail("This port requires TLS: use https."), None);
    }

    fn refuse(&mut self, problem: &Problem, replaces: Option<usize>) {
        let id = self.shared.request_ids.next();
        let settings = &self.shared.settings;
        // RFC 6797 section 7.2: no `Strict-Transport-Security` without TLS.
        let is_plain = settings.tls.is_some() && matches!(self.stream, Stream::Plain(_));
        let secure = settings.secure_cookies && !is_plain;
        let bytes = refusal::answer(problem, &id, secure, self.shared.clock.now());
        tracing::debug!(%problem, request_id = id, "refused what is no request");
        self.shared.metrics.count_problem(problem.code);
        self.refusal = Some(Refusal { bytes, written: 0, replaces });
        self.is_read |= replaces.is_none();
    }

    /// Follows the framing of the bytes; returns how many of them are passed to the HTTP server.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        if !self.is_waiting() && self.framing.is_in_body() {
            self.drained = self.drained.saturating_add(bytes.len());
            self.is_read |= self.drained > MAX_DRAINED;
        } else {
            self.drained = 0;
        }
        let heads = self.framing.heads();
        let taken = self.framing.feed(bytes).unwrap_or_else(|error| {
            let code = match error {
                HeadError::TooLarge => Code::HeadTooLarge,
                HeadError::Malformed => Code::MalformedRequest,
            };
            self.refuse(&Problem::new(code), None);
            0
        });
        self.is_unanswered |= self.framing.heads() > heads;
        if self.framing.is_lost() {
            // The HTTP server gets an incomplete body.
            self.is_read = true;
            self.progress.end();
        }
        taken
    }

    /// Passes on the bytes after the first `before` ones that are those of one request, and keeps the others.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        let taken = self.follow(bytes);
        if !self.is_read {
            self.ahead.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        }
        buffer.set_filled(before + taken);
    }

    /// The input that the client must send, if a timeout holds for it.
    fn awaited(&self) -> Option<AwaitedInput> {
        if self.is_waiting() {
            return None;
        }
        let heads = self.framing.heads();
        if self.framing.is_in_head() || heads == 0 {
            Some(AwaitedInput::Head(heads))
        } else if self.framing.is_in_body() {
            Some(AwaitedInput::Body(heads))
        } else {
            None
        }
    }

    /// True if the timeout of the awaited input is over; otherwise sets a wake-up for that moment.
    fn is_late(&mut self, awaited: Option<AwaitedInput>, context: &mut Context<'_>) -> bool {
        let Some(awaited) = awaited else {
            self.awaited = None;
            return false;
        };
        let since = match self.awaited {
            Some((known, since)) if known == awaited => since,
            _ => Instant::now(),
        };
        self.awaited = Some((awaited, since));
        let limit = match awaited {
            AwaitedInput::Head(_) => HEAD_TIMEOUT,
            AwaitedInput::Body(_) => DRAIN_TIMEOUT,
            AwaitedInput::Close => CLOSE_TIMEOUT,
        };
        self.has_come(since + limit, context)
    }

    /// True if that time has come; otherwise sets a wake-up for it.
    fn has_come(&mut self, time: Instant, context: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(time)));
        if timer.deadline() != time {
            timer.as_mut().reset(time);
        }
        timer.as_mut().poll(context).is_ready()
    }

    /// Notes that the client takes nothing at the moment.
    fn block(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (since, taken) = self.blocked.unwrap_or_else(|| (Instant::now(), 0));
        self.blocked = Some((since, taken));
        if self.has_come(since + WRITE_TIMEOUT, context) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(count)) => {
                if let Some((_, taken)) = &mut self.blocked {
                    *taken = taken.saturating_add(count);
                    if *taken >= MIN_TAKEN {
                        self.blocked = None;
                    }
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.block(context),
        }
    }

    /// Writes `100 Continue` as soon as the body is wanted, unless the response has begun.
    fn write_interim(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.progress.take_wanted_body() && self.is_unanswered {
            self.interim = CONTINUE;
        }
        while !self.interim.is_empty() {
            let count = ready!(self.write(context, self.interim))?;
            self.interim = self.interim.get(count..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes the response of this module; returns the bytes that it replaces.
    fn write_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(mut refusal) = self.refusal.take() {
            let rest = refusal.bytes.get(refusal.written..).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Ok(refusal.replaces.unwrap_or_default()));
            }
            let written = self.write(context, rest);
            if let Poll::Ready(Ok(count)) = written {
                refusal.written = refusal.written.saturating_add(count);
            }
            self.refusal = Some(refusal);
            ready!(written)?;
        }
        Poll::Ready(Ok(0))
    }

    /// Reads what the client still sends until it closes: with unread bytes, the system would
    /// discard the response.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.drained = self.drained.saturating_add(buffer.filled().len());
                    if self.drained > MAX_DRAINED {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.is_late(Some(AwaitedInput::Close), context) => {
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// The interim response of RFC 9110 section 15.2.1. The HTTP server itself sends it before the gate
/// has decided about the request.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The timeout for a client that gets the reason why its connection ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_read {
            return Poll::Ready(Ok(()));
        }
        if self.blocked.is_some() || (self.is_busy() && !self.ahead.is_empty()) {
            self.is_held = true;
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if !self.ahead.is_empty() {
            let ahead = mem::take(&mut self.ahead);
            let (now, later) = ahead.split_at(ahead.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.pass(buffer, before);
            self.ahead.extend_from_slice(later);
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            let is_end = read.is_err() || buffer.filled().len() == before;
            if !is_end && self.is_busy() {
                // Nothing more is read before this is passed on.
                self.ahead.extend_from_slice(buffer.filled().get(before..).unwrap_or_default());
                buffer.set_filled(before);
                self.is_held = true;
                return Poll::Pending;
            }
            self.pass(buffer, before);
            return Poll::Ready(read);
        }
        let awaited = self.awaited();
        if self.shared.lifecycle.is_draining() && !self.is_waiting() && self.framing.is_idle() {
            // The HTTP server itself closes only after a response.
            self.is_read = true;
            return Poll::Ready(Ok(()));
        }
        if !self.is_late(awaited, context) {
            return Poll::Pending;
        }
        // To the HTTP server it looks as if the client had closed its side.
        self.is_read = true;
        if matches!(awaited, Some(AwaitedInput::Head(_))) {
            self.refuse(&Problem::new(Code::RequestTimeout), None);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.write_interim(context))?;
        if self.is_unanswered && bytes.starts_with(CONTINUE) {
            return Poll::Ready(Ok(CONTINUE.len()));
        }
        self.is_unanswered = false;
        if self.refusal.as_ref().is_some_and(|refusal| refusal.replaces.is_some()) {
            return self.write_refusal(context);
        }
        // Only a response without a request of the application can be one of the HTTP server
        // itself.
        let bare = if self.is_waiting() { refusal::bare(bytes) } else { None };
        match bare {
            Some((0, status)) => {
                self.refuse(&Problem::of_status(status), Some(bytes.len()));
                self.write_refusal(context)
            }
            Some((begin, _)) => self.write(context, bytes.get(..begin).unwrap_or_default()),
            None => self.write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_interim(context))?;
        // The HTTP server flushes after everything is written. Only within TLS something can be left.
        if Pin::new(&mut self.stream).poll_flush(context)?.is_pending() {
            return self.block(context).map_ok(|_| ());
        }
        self.blocked = None;
        if self.is_held && !self.is_busy() {
            self.is_held = false;
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_some() || !self.ahead.is_empty() {
            ready!(self.write_refusal(context))?;
            self.ahead = Vec::new();
            self.drained = 0;
            self.awaited = Some((AwaitedInput::Close, Instant::now()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if matches!(self.awaited, Some((AwaitedInput::Close, _))) {
            ready!(self.linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lifecycle.disconnected();
    }
}
