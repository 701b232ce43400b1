//! The section `server`: address, TLS, proxies, CORS origins, cookies and shutdown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_web::{CertificateFiles, ForwardingHeader, Settings, Tls};

use super::finding::Findings;
use super::rate_limit::RateLimits;
use super::raw::{self, Environment};
use super::{certificate, networks, origin};

/// The checked section.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address to bind.
    pub address: SocketAddr,
    /// The address for operators and monitors; `None` if there is none.
    pub operations_address: Option<SocketAddr>,
    /// The address at which plain HTTP is redirected.
    pub redirect_address: Option<SocketAddr>,
    base_url: Option<String>,
    /// The files of the TLS certificate; `None` if the server speaks plain HTTP.
    pub tls: Option<CertificateFiles>,
    /// Origins whose scripts may call the API with cookies.
    pub cors_origins: Vec<String>,
    /// The networks whose forwarding header is accepted.
    pub trusted_proxies: Vec<IpNet>,
    /// That header.
    pub forwarding_header: ForwardingHeader,
    /// The connections of trusted proxies begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Cookies are sent over TLS only.
    pub secure_cookies: bool,
    /// The API description can be browsed.
    pub docs: bool,
    /// The time for which requests are still accepted after a stop signal.
    pub shutdown_delay: Duration,
}

impl Server {
    pub(crate) fn check(
        raw: raw::Server,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        let in_production = environment == Environment::Production;
        let address = address(raw.address.as_deref(), findings);
        let operations_address =
            operations_address(raw.operations_address.as_deref(), in_production, findings);
        let tls = certificate::files(raw.tls_certificate, raw.tls_key, findings);
        let base_url =
            base_url(raw.base_url.as_deref(), address, tls.is_some(), in_production, findings);
        let redirect_address =
            redirect_address(raw.redirect_address.as_deref(), tls.is_some(), findings);
        for (key, other) in
            [(OPERATIONS_ADDRESS, operations_address), (REDIRECT_ADDRESS, redirect_address)]
        {
            if other == Some(address) && address.port() != 0 {
                findings.fault(key, "is the same as server.address", "use another port");
            }
        }
        if in_production && raw.docs == Some(true) {
            let problem = "makes the API description public";
            findings.warn("server.docs", problem, "remove it unless that is intended");
        }
        if in_production && raw.secure_cookies == Some(false) {
            let problem = "cannot be switched off in production";
            findings.fault("server.secure_cookies", problem, "remove it");
        }
        let proxy_protocol = raw.proxy_protocol.unwrap_or(false);
        if proxy_protocol && raw.trusted_proxies.as_ref().is_none_or(Vec::is_empty) {
            let problem = "has no effect without server.trusted_proxies";
            findings.fault("server.proxy_protocol", problem, "list the networks of your proxies");
        }
        Self {
            address,
            operations_address,
            redirect_address,
            cors_origins: cors_origins(
                &raw.cors_origins.unwrap_or_default(),
                in_production,
                findings,
            ),
            trusted_proxies: networks::check(
                "server.trusted_proxies",
                &raw.trusted_proxies.unwrap_or_default(),
                in_production,
                findings,
            ),
            forwarding_header: raw.forwarding_header.map_or_else(Default::default, Into::into),
            proxy_protocol,
            secure_cookies: raw
                .secure_cookies
                .unwrap_or(in_production || tls.is_some() || is_https(base_url.as_deref())),
            docs: raw.docs.unwrap_or(!in_production),
            shutdown_delay: shutdown_delay(raw.shutdown_delay_ms, in_production, findings),
            base_url,
            tls,
        }
    }

    /// The origin that browsers see, such as `https://auth.example.org`: the configured one, else the
    /// bound address.
    pub(crate) fn origin(&self, bound: SocketAddr) -> String {
        let scheme = self.scheme();
        self.base_url.clone().unwrap_or_else(|| format!("{scheme}://{}", reachable(bound)))
    }

    /// The scheme that the server itself speaks.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The host that browsers see, if it is configured.
    pub(crate) fn host(&self) -> Option<String> {
        let url = url::Url::parse(self.base_url.as_deref()?).ok()?;
        url.host_str().map(str::to_owned)
    }

    /// The settings of the HTTP layer for this bound address. `log_lines_lost` counts the log lines that
    /// were lost.
    pub(crate) fn settings(
        &self,
        bound: SocketAddr,
        limits: &RateLimits,
        tls: Option<Arc<Tls>>,
        log_lines_lost: Arc<AtomicU64>,
    ) -> Settings {
        Settings {
            cors_origins: self.cors_origins.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            forwarding_header: self.forwarding_header,
            proxy_protocol: self.proxy_protocol,
            connections: limits.connections.clone(),
            requests: limits.requests_under_way,
            secure_cookies: self.secure_cookies,
            tls,
            shutdown_delay: self.shutdown_delay,
            log_lines_lost,
            ..Settings::new(self.origin(bound))
        }
    }
}

impl From<raw::ForwardingHeader> for ForwardingHeader {
    fn from(raw: raw::ForwardingHeader) -> Self {
        match raw {
            raw::ForwardingHeader::XForwardedFor => Self::XForwardedFor,
            raw::ForwardingHeader::Forwarded => Self::Forwarded,
        }
    }
}

/// The maximum of `server.shutdown_delay_ms`, below the kill timeout of orchestrators.
const MAX_SHUTDOWN_DELAY_MS: u64 = 60_000;

/// The default of `server.shutdown_delay_ms` in production, for load balancers that poll every second.
const PRODUCTION_SHUTDOWN_DELAY_MS: u64 = 3_000;

fn shutdown_delay(
    milliseconds: Option<u64>,
    in_production: bool,
    findings: &mut Findings,
) -> Duration {
    let default = if in_production { PRODUCTION_SHUTDOWN_DELAY_MS } else { 0 };
    let milliseconds = milliseconds.unwrap_or(default);
    if milliseconds > MAX_SHUTDOWN_DELAY_MS {
        let remedy = format!("use at most {MAX_SHUTDOWN_DELAY_MS}");
        findings.fault("server.shutdown_delay_ms", "is too long", remedy);
    }
    Duration::from_millis(milliseconds)
}

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

fn address(text: Option<&str>, findings: &mut Findings) -> SocketAddr {
    let Some(text) = text else { return DEFAULT_ADDRESS };
    text.parse().unwrap_or_else(|_| {
        let remedy = "write one such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080";
        findings.fault("server.address", "is not an IP address with a port", remedy);
        DEFAULT_ADDRESS
    })
}

const OPERATIONS_ADDRESS: &str = "server.operations_address";

const DEFAULT_OPERATIONS_ADDRESS: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9080);

fn operations_address(
    text: Option<&str>,
    in_production: bool,
    findings: &mut Findings,
) -> Option<SocketAddr> {
    let address = match text {
        None => DEFAULT_OPERATIONS_ADDRESS,
        Some("" | "off") => return None,
        Some(text) => parse_address(OPERATIONS_ADDRESS, text, "or \"off\"", findings)?,
    };
    if in_production && address.ip().is_unspecified() {
        let problem = "opens metrics and detailed health to every network of this machine";
        findings.warn(OPERATIONS_ADDRESS, problem, "use a loopback or a private address");
    }
    Some(address)
}

const REDIRECT_ADDRESS: &str = "server.redirect_address";

fn redirect_address(
    text: Option<&str>,
    has_tls: bool,
    findings: &mut Findings,
) -> Option<SocketAddr> {
    let address = parse_address(REDIRECT_ADDRESS, text?, "such as 0.0.0.0:80", findings)?;
    if !has_tls {
        let problem = "has no effect without a TLS certificate";
        findings.fault(REDIRECT_ADDRESS, problem, "set server.tls_certificate, or remove it");
        return None;
    }
    Some(address)
}

fn parse_address(
    key: &str,
    text: &str,
    example: &str,
    findings: &mut Findings,
) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        let remedy = format!("write one such as 127.0.0.1:9080, {example}");
        findings.fault(key, "is not an IP address with a port", remedy);
    }
    address
}

fn base_url(
    text: Option<&str>,
    address: SocketAddr,
    has_tls: bool,
    in_production: bool,
    findings: &mut Findings,
) -> Option<String> {
    const KEY: &str = "server.base_url";
    const REMEDY: &str = "set it to the https address that browsers use, such as \
                          https://auth.example.org";
    let Some(text) = text else {
        if in_production {
            findings.fault(KEY, "is not set, and production needs it", REMEDY);
        } else if address.ip().is_unspecified() {
            let scheme = if has_tls { "https" } else { "http" };
            let problem = format!("is not set and taken to be {scheme}://{}", reachable(address));
            findings.warn(KEY, problem, "set it to the address that browsers use");
        }
        return None;
    };
    let origin = match origin::parse(text) {
        Ok(origin) => origin,
        Err(error) => {
            findings.refuse(KEY, error, REMEDY);
            return None;
        }
    };
    if has_tls && !is_https(Some(&origin)) {
        findings.fault(KEY, "is plain http, but the server has a TLS certificate", REMEDY);
    } else if in_production && !is_https(Some(&origin)) {
        findings.fault(KEY, "is plain http, which production does not allow", REMEDY);
    } else if !is_https(Some(&origin)) && !is_loopback(&origin) {
        let problem = "is plain http to other machines, where the network can read it";
        findings.warn(KEY, problem, REMEDY);
    }
    Some(origin)
}

fn is_https(origin: Option<&str>) -> bool {
    origin.is_some_and(|origin| origin.starts_with("https:"))
}

fn is_loopback(origin: &str) -> bool {
    use url::Host;
    let url = url::Url::parse(origin).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The address to connect to: loopback for 0.0.0.0 and `[::]`, which cannot be connected to.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

fn cors_origins(texts: &[String], in_production: bool, findings: &mut Findings) -> Vec<String> {
    const KEY: &str = "server.cors_origins";
    let mut origins = Vec::new();
    for text in texts {
        match origin::parse(text) {
            _ if text == "*" => {
                let problem = "cannot allow every origin, because requests carry cookies";
                findings.fault(KEY, problem, "list each origin, such as https://app.example.org");
            }
            Ok(origin) if in_production && !is_https(Some(&origin)) => {
                let problem = "allows pages over plain http, which the network can change";
                findings.fault(KEY, problem, "list https origins only");
            }
            Ok(origin) => origins.push(origin),
            Err(error) => findings.refuse(KEY, error, "list origins"),
        }
    }
    origins
}
