//! Acceptance of connections: admission first, then the header of a proxy, then the TLS handshake.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_web::rt::net::TcpStream;

use super::connection::Connection;
use super::context::ConnectionContext;
use super::stream::Stream;
use super::{handshake, proxy_header};
use crate::tls::Tls;

/// The acceptor of one listener in one thread.
pub(super) struct Acceptor {
    pub(super) shared: Rc<ConnectionContext>,
    /// The TLS settings; `None` for a listener without TLS.
    pub(super) tls: Option<Arc<Tls>>,
    /// True if the connections of trusted proxies begin with a header of the PROXY protocol.
    pub(super) proxy_protocol: bool,
    pub(super) draining: GracefulShutdownSignal,
}

impl Acceptor {
    /// The connection for the HTTP server, and its peer; an error if it is refused.
    pub(super) async fn accept(
        &self,
        mut stream: TcpStream,
    ) -> Result<(Connection, Option<SocketAddr>), DispatchError> {
        let Self { shared, tls, draining, .. } = self;
        let mut peer = stream.peer_addr().ok();
        let place = shared.admission.admit(peer.map(|peer| peer.ip()), &shared.settings);
        let Some(mut place) = place else {
            shared.lifecycle.refused();
            return Err(refused());
        };
        if self.has_proxy_header(peer) {
            let client = tokio::select! {
                client = proxy_header::read(&mut stream) => client,
                () = draining.notified() => return Err(refused()),
            };
            let is_admitted = match client {
                Ok(None) => true,
                Ok(Some(client)) => {
                    peer = Some(client);
                    place.attribute(client.ip(), &shared.settings)
                }
                Err(error) => {
                    tracing::debug!(%error, "refused a connection of a proxy");
                    false
                }
            };
            if !is_admitted {
                shared.lifecycle.refused();
                return Err(refused());
            }
        }
        let Some(tls) = tls else {
            let connection = Connection::new(Stream::Plain(stream), Rc::clone(shared), place);
            return Ok((connection, peer));
        };
        let client = peer.map(|peer| peer.ip());
        // In the heap, so that a connection without TLS has no space for a handshake.
        let handshake = Box::pin(handshake::secured(stream, client, tls, shared, place));
        let connection = tokio::select! {
            connection = handshake => connection,
            () = draining.notified() => None,
        };
        Ok((connection.ok_or_else(refused)?, peer))
    }

    /// True if a connection of this peer must begin with a header of the PROXY protocol.
    fn has_proxy_header(&self, peer: Option<SocketAddr>) -> bool {
        let trusts = |peer: SocketAddr| self.shared.settings.trusts(peer.ip());
        self.proxy_protocol && peer.is_some_and(trusts)
    }
}

fn refused() -> DispatchError {
    DispatchError::Io(ErrorKind::ConnectionRefused.into())
}
