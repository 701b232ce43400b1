use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::{HttpRequest, web};
use ipnet::IpNet;

use crate::problem::{Code, Problem};

/// How the surface behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme, host and port that browsers reach the server by, such as `https://auth.example.org`.
    pub origin: String,
    /// Further origins whose pages may call the API with credentials; exact, no wildcards.
    pub cors_origins: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether cookies carry `Secure` and the `__Host-` prefix, and answers
    /// `Strict-Transport-Security`.
    pub secure_cookies: bool,
    /// Threads that serve requests; `None` for one per core.
    pub workers: Option<usize>,
    /// How long the server goes on to accept and answer after a signal to stop, while it says that it
    /// is not ready.
    pub shutdown_delay: Duration,
    /// Lines that could not be written to the log; whoever writes it counts them.
    pub log_lines_lost: Arc<AtomicU64>,
}

impl Settings {
    /// Those of the server that a request has come to.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        let settings = request.app_data::<web::Data<Self>>();
        settings.map(web::Data::get_ref).ok_or_else(|| Problem::new(Code::Internal))
    }

    /// Whether what this peer says of the client is believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// Whether pages of this origin may call the API with credentials.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origin == origin || self.cors_origins.iter().any(|allowed| allowed == origin)
    }
}
