//! Settings of the HTTP layer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::{HttpRequest, web};
use ipnet::IpNet;
use portcullis_domain::canonical_address;

use crate::client_address::{AddressOwner, ForwardingHeader};
use crate::group::Group;
use crate::problem::{Code, Problem};
use crate::tls::Tls;
use crate::traces::TraceSink;

/// Settings of the HTTP layer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme, host and port of the server for browsers, such as `https://auth.example.org`.
    pub origin: String,
    /// Further origins whose pages may call the API with credentials; exact, no wildcards.
    pub cors_origins: Vec<String>,
    /// Proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they forward the client address.
    pub forwarding_header: ForwardingHeader,
    /// True if the connections of trusted proxies begin with a header of the PROXY protocol
    /// (version 2), whose address is the peer.
    pub proxy_protocol: bool,
    /// The limits of open connections.
    pub connections: ConnectionLimits,
    /// The limits of requests under way.
    pub requests: RequestBounds,
    /// True if cookies have `Secure` and the `__Host-` prefix, and responses
    /// `Strict-Transport-Security`.
    pub secure_cookies: bool,
    /// TLS of the public listener; `None` if a proxy terminates it.
    pub tls: Option<Arc<Tls>>,
    /// Threads that serve requests; `None` for one per core.
    pub workers: Option<usize>,
    /// The time in which the server continues to accept and answer after a signal to stop, while it
    /// reports that it is not ready.
    pub shutdown_delay: Duration,
    /// The time from the start to the first exclusive jobs: they write to the database, and the
    /// first requests have priority.
    pub exclusive_jobs_delay: Duration,
    /// Lines that could not be written to the log; counted by the writer of the log.
    pub log_lines_lost: Arc<AtomicU64>,
    /// The receiver of the traces of requests.
    pub traces: Option<Arc<dyn TraceSink>>,
}

/// The limits of open connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// The maximum of this node.
    pub total: usize,
    /// The maximum of a client address.
    pub per_address: usize,
    /// The networks without a limit for each address: services of the deployment.
    pub exempt_networks: Vec<IpNet>,
}

/// The limits of requests under way.
#[derive(Clone, Copy, Debug)]
pub struct RequestBounds {
    /// The maximum of this node.
    pub total: usize,
    /// The maximum of a client address, unless it stands for many clients: a trusted proxy, or one of
    /// [`ConnectionLimits::exempt_networks`].
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    /// 20,000 of a node and 1,000 of an address.
    fn default() -> Self {
        Self { total: 20_000, per_address: 1_000, exempt_networks: Vec::new() }
    }
}

impl Default for RequestBounds {
    /// 2,000 of a node and 500 of an address.
    fn default() -> Self {
        Self { total: 2_000, per_address: 500 }
    }
}

impl Settings {
    /// The settings of a server that browsers reach at this origin, without proxies and without other
    /// allowed origins.
    pub fn new(origin: String) -> Self {
        Self {
            secure_cookies: origin.starts_with("https:"),
            origin,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarding_header: ForwardingHeader::default(),
            proxy_protocol: false,
            connections: ConnectionLimits::default(),
            requests: RequestBounds::default(),
            tls: None,
            workers: None,
            shutdown_delay: Duration::ZERO,
            exclusive_jobs_delay: Duration::from_secs(1),
            log_lines_lost: Arc::default(),
            traces: None,
        }
    }

    /// The settings of the server of this request.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        let settings = request.app_data::<web::Data<Self>>();
        settings.map(web::Data::get_ref).ok_or_else(|| Problem::new(Code::Internal))
    }

    /// True if the forwarding headers of this peer are trusted.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = canonical_address(peer);
        self.trusted_proxies.iter().any(|network| network.contains(&peer))
    }

    /// The owner of an address.
    pub(crate) fn owner_of(&self, address: IpAddr) -> AddressOwner {
        let address = canonical_address(address);
        let mut exempt = self.connections.exempt_networks.iter();
        if self.trusts(address) {
            AddressOwner::Proxy
        } else if exempt.any(|network| network.contains(&address)) {
            AddressOwner::OwnService
        } else {
            AddressOwner::Client
        }
    }

    /// True if an address stands for many clients.
    pub(crate) fn stands_for_many(&self, address: IpAddr) -> bool {
        self.owner_of(address).stands_for_many()
    }

    /// True if pages of this origin may use the routes of the group with credentials.
    pub(crate) fn allows_origin(&self, origin: &str, group: &Group) -> bool {
        self.origin == origin
            || group.is_shared && self.cors_origins.iter().any(|allowed| allowed == origin)
    }
}
