//! The TLS handshake of a connection, with a timeout and within the maximum of the node.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;

use actix_web::rt::net::TcpStream;
use rustls::{AlertDescription, Error};
use tokio::io::AsyncWrite;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::AdmittedConnection;
use super::bounds::{HANDSHAKE_TIMEOUT, MIN_TAKEN};
use super::connection::Connection;
use super::context::ConnectionContext;
use super::stream::Stream;
use crate::tls::{HandshakeFailure, Tls};

/// The connection within TLS. `None` if the handshake failed; the failure is counted, and the socket
/// closed.
pub(super) async fn secured(
    stream: TcpStream,
    client: Option<IpAddr>,
    tls: &Tls,
    shared: &Rc<ConnectionContext>,
    place: AdmittedConnection,
) -> Option<Connection> {
    let mut permit = tls.begin(client);
    // Holds the socket to the end of this function: a failure is counted before its client sees the end.
    let mut attempt = pin!(timeout(HANDSHAKE_TIMEOUT, handshake(stream, tls)));
    let outcome = tokio::select! {
        outcome = &mut attempt => outcome.unwrap_or(Err(Failed(HandshakeFailure::Timeout, None))),
        () = permit.revoked() => Err(Failed(HandshakeFailure::Overload, None)),
    };
    drop(permit);
    match outcome {
        Ok(stream) => {
            let stream = Stream::Tls(Box::new(stream));
            Some(Connection::new(stream, Rc::clone(shared), place))
        }
        Err(Failed(reason, plain)) => {
            tls.failed(reason);
            tracing::debug!(?reason, "a TLS handshake failed");
            if let Some(stream) = plain {
                refuse_plain(stream, shared, place).await;
            }
            None
        }
    }
}

/// The reason, and the socket of a client without TLS.
struct Failed(HandshakeFailure, Option<TcpStream>);

async fn handshake(stream: TcpStream, tls: &Tls) -> Result<TlsStream<TcpStream>, Failed> {
    // Otherwise the first response waits until the client has confirmed the end of the handshake.
    // If the system refuses the option, this is slower.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) => {}
        _ => return Err(Failed(HandshakeFailure::Closed, None)),
    }
    // The first byte of a method; a handshake begins with 0x16.
    if first[0].is_ascii_alphabetic() {
        return Err(Failed(HandshakeFailure::PlainHttp, Some(stream)));
    }
    let limit_output = |session: &mut rustls::ServerConnection| {
        // A client that does not read is noticed as it is without TLS.
        session.set_buffer_limit(Some(MIN_TAKEN));
    };
    let acceptor = TlsAcceptor::from(tls.config());
    let outcome = acceptor.accept_with(stream, limit_output).await;
    outcome.map_err(|error| Failed(reason(&error), None))
}

fn reason(error: &io::Error) -> HandshakeFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::AlertReceived(
            AlertDescription::UserCanceled | AlertDescription::CloseNotify,
        )) => HandshakeFailure::Closed,
        Some(Error::AlertReceived(_)) => HandshakeFailure::RefusedByClient,
        Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => {
            HandshakeFailure::Incompatible
        }
        Some(_) => HandshakeFailure::Invalid,
        None if error.kind() == ErrorKind::InvalidData => HandshakeFailure::Invalid,
        None => HandshakeFailure::Closed,
    }
}

/// Answers a client without TLS, of which nothing is interpreted.
async fn refuse_plain(
    stream: TcpStream,
    shared: &Rc<ConnectionContext>,
    place: AdmittedConnection,
) {
    let mut connection = Connection::new(Stream::Plain(stream), Rc::clone(shared), place);
    connection.refuse_without_tls();
    // If the client takes nothing, it gets no answer.
    let shutdown = poll_fn(|context| Pin::new(&mut connection).poll_shutdown(context));
    let _ = timeout(HANDSHAKE_TIMEOUT, shutdown).await;
}
