//! Acceptance of connections: admission first, then the TLS handshake.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_web::rt::net::TcpStream;

use super::connection::Connection;
use super::context::ConnectionContext;
use super::handshake;
use super::stream::Stream;
use crate::tls::Tls;

/// The acceptor of one listener in one thread.
pub(super) struct Acceptor {
    pub(super) shared: Rc<ConnectionContext>,
    /// The TLS settings; `None` for a listener without TLS.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) draining: GracefulShutdownSignal,
}

impl Acceptor {
    /// The connection for the HTTP server, and its peer; an error if it is refused.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(Connection, Option<SocketAddr>), DispatchError> {
        let Self { shared, tls, draining } = self;
        let peer = stream.peer_addr().ok();
        let place = shared.admission.admit(peer.map(|peer| peer.ip()), &shared.settings);
        let Some(place) = place else {
            shared.lifecycle.refused();
            return Err(refused());
        };
        let Some(tls) = tls else {
            let connection = Connection::new(Stream::Plain(stream), Rc::clone(shared), place);
            return Ok((connection, peer));
        };
        // In the heap, so that a connection without TLS has no space for a handshake.
        let handshake = Box::pin(handshake::secured(stream, tls, shared, place));
        let connection = tokio::select! {
            connection = handshake => connection,
            () = draining.notified() => None,
        };
        Ok((connection.ok_or_else(refused)?, peer))
    }
}

fn refused() -> DispatchError {
    DispatchError::Io(ErrorKind::ConnectionRefused.into())
}
