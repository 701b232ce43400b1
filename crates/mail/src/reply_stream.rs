//! Stream of an SMTP client: one reply for each command, of a bounded size.
//!
//! Before TLS, anybody on the path can write what the server did not. Bytes behind a reply would be
//! read as replies of the server after STARTTLS (RFC 3207 section 6), and a reply without an end would
//! fill the memory. Either ends the connection.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The maximum of received bytes between two sent ones. The certificates of a handshake fit.
const MAX_REPLY: usize = 128 * 1024;

/// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 0x16;

#[derive(Debug)]
pub(crate) struct ReplyStream {
    stream: TcpStream,
    /// The place within the reply; `None` once TLS has begun.
    reply: Option<ReplyPlace>,
    /// The received bytes since the last sent one.
    received: usize,
}

/// The place within a reply: a line that ends it has a space behind its code (RFC 5321 section 4.2).
#[derive(Clone, Copy, Debug, Default)]
struct ReplyPlace {
    column: usize,
    is_last: bool,
    is_complete: bool,
}

impl ReplyPlace {
    /// Follows the bytes; false if there are some behind the reply.
    fn follow(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| {
            if self.is_complete {
                return false;
            }
            match (self.column, byte) {
                (_, b'\n') => {
                    // A line that ends with its code is a last one too.
                    self.is_complete = self.is_last || self.column <= 4;
                    self.column = 0;
                    return true;
                }
                (3, byte) => self.is_last = *byte != b'-',
                _ => {}
            }
            self.column += 1;
            true
        })
    }
}

impl ReplyStream {
    /// A stream before TLS.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, reply: Some(ReplyPlace::default()), received: 0 }
    }
}

impl AsyncRead for ReplyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        self.received = self.received.saturating_add(bytes.len());
        let is_one = self.reply.as_mut().is_none_or(|reply| reply.follow(bytes));
        if is_one && self.received <= MAX_REPLY {
            return Poll::Ready(Ok(()));
        }
        buffer.set_filled(before);
        let problem = if is_one { "a reply without an end" } else { "bytes behind a reply" };
        Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, problem)))
    }
}

impl AsyncWrite for ReplyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.received = 0;
        if bytes.first() == Some(&HANDSHAKE) {
            self.reply = None;
        }
        if let Some(reply) = &mut self.reply
            && reply.is_complete
        {
            *reply = ReplyPlace::default();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for ReplyStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream as StdStream};
    use std::thread;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn is_one(pieces: &[&[u8]]) -> bool {
        let mut place = ReplyPlace::default();
        pieces.iter().all(|piece| place.follow(piece))
    }

    #[test]
    fn one_reply_has_one_last_line() {
        assert!(is_one(&[b"220 go\r\n"]));
        assert!(is_one(&[b"250-a\r\n250-b\r\n250 c\r\n"]));
        assert!(is_one(&[b"25", b"0-a\r", b"\n250\r\n"]));
        assert!(!is_one(&[b"220 go\r\n2"]));
        assert!(!is_one(&[b"220 go\r\n", b"250 ok\r\n"]));
        assert!(!is_one(&[b"220\r\n250 ok\r\n"]));
    }

    /// The first error of a client that reads after `EHLO`, from a server that writes this at once.
    fn error_of(server: impl FnOnce(StdStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = thread::spawn(move || server(listener.accept().unwrap().0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async {
            let mut stream = ReplyStream::new(TcpStream::connect(address).await.unwrap());
            stream.write_all(b"EHLO x\r\n").await.unwrap();
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) => return "the end".to_owned(),
                    Ok(_) => {}
                    Err(error) => return error.to_string(),
                }
            }
        });
        serving.join().unwrap();
        error
    }

    #[test]
    fn bytes_behind_a_reply_end_the_connection() {
        let error = error_of(|mut stream| stream.write_all(b"220 go\r\n250 ok\r\n").unwrap());
        assert_eq!(error, "bytes behind a reply");
    }

    #[test]
    fn a_reply_without_an_end_is_not_read_to_the_last_byte() {
        let error = error_of(|mut stream| {
            let line = vec![b'a'; 1 << 20];
            assert!(
                (0..64).any(|_| stream.write_all(&line).is_err()),
                "the client has read 64 MiB"
            );
        });
        assert_eq!(error, "a reply without an end");
    }
}
