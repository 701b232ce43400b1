//! Socket activation: listeners that the service manager has bound and hands over at the start, by the
//! protocol of `sd_listen_fds(3)`.
//!
//! A socket belongs to the setting with its address, not to a position or a name. So the configuration
//! alone says which listener is public, and a socket that no setting names stops the start.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

use crate::failure::Failure;

/// The listeners that this process was started with.
pub(crate) struct InheritedListeners(io::Result<Vec<(SocketAddr, TcpListener)>>);

impl InheritedListeners {
    /// Takes the listeners over, and removes their variables. A process does this before it has a second
    /// thread, which could read the variables at the same time.
    pub(crate) fn take_over() -> Self {
        let mut handed_over = ListenFd::from_env();
        let listeners = (0..handed_over.len()).map(|index| {
            let listener = handed_over.take_tcp_listener(index)?;
            let listener = listener.ok_or_else(|| io::Error::other("it was taken already"))?;
            Ok((listener.local_addr()?, listener))
        });
        Self(listeners.collect())
    }

    /// The listener with the address of a setting; `None` if the server binds it itself.
    pub(crate) fn take(&mut self, address: SocketAddr) -> Result<Option<TcpListener>, Failure> {
        let listeners = self.0.as_mut().map_err(|error| unusable(error))?;
        let position = listeners.iter().position(|(bound, _)| *bound == address);
        Ok(position.map(|position| listeners.swap_remove(position).1))
    }

    /// Fails if a listener is left that no setting has the address of.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let listeners = self.0.map_err(|error| unusable(&error))?;
        let Some((address, _)) = listeners.first() else { return Ok(()) };
        Err(Failure::failed(
            format!("the service manager hands over a socket at {address}, which no setting has"),
            "make it server.address, server.operations_address or server.redirect_address, or remove it \
             from the socket unit",
        ))
    }
}

fn unusable(error: &io::Error) -> Failure {
    Failure::failed(
        format!("the service manager hands over a socket that cannot be used: {error}"),
        "name TCP addresses in the socket unit, such as ListenStream=127.0.0.1:8080",
    )
}
