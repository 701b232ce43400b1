//! Listeners of a server: the public one, and those beside it, each with threads of its own.

use std::net::TcpListener;

use crate::mount::Configure;

/// The bound sockets of a server.
pub struct Listeners {
    /// For clients.
    pub public: TcpListener,
    /// For plain HTTP, which is redirected to the public listener.
    pub redirect: Option<TcpListener>,
    /// For operators and monitors.
    pub operations: Option<Operations>,
}

/// The listener for operators and monitors, with one thread: it answers also while the public one is
/// overloaded.
pub struct Operations {
    /// The bound socket.
    pub listener: TcpListener,
    /// Adds its routes.
    pub configure: Configure,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public, redirect: None, operations: None }
    }
}
