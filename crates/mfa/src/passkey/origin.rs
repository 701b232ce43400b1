//! Origins of pages, and the domain that may be the id of a relying party (section 5.1.2, "effective
//! domain").

/// The reason why an id and origins are no relying party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelyingPartyError {
    /// The id is empty, an IP address or no domain in lower case.
    #[error("{0:?} is not a domain in lower case: passkeys need one, and an IP address is none")]
    InvalidId(String),
    /// Without an origin every response would be refused.
    #[error("a relying party needs an origin")]
    NoOrigin,
    /// The text is not an origin as a browser writes it: scheme, host, and a port other than the usual.
    #[error("{0:?} is not an origin like https://auth.example.org or http://localhost:8080")]
    InvalidOrigin(String),
    /// Browsers offer passkeys on https only, except on localhost.
    #[error("{0:?} is not encrypted: passkeys need https, except on localhost")]
    InsecureOrigin(String),
    /// A browser refuses the id on this origin.
    #[error("{0:?} is neither on the domain of the relying party nor below it")]
    ForeignOrigin(String),
}

/// The longest domain, and its longest label (RFC 1035 section 2.3.4).
const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;

/// The host of an origin, if the text is an origin that may use passkeys.
pub(super) fn host(origin: &str) -> Result<&str, RelyingPartyError> {
    let invalid = || RelyingPartyError::InvalidOrigin(origin.to_owned());
    let (scheme, authority) = origin.split_once("://").ok_or_else(invalid)?;
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let usual = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return Err(invalid()),
    };
    if !is_domain(host) || port.is_some_and(|port| port == usual || !is_port(port)) {
        return Err(invalid());
    }
    if scheme == "http" && !is_at_or_below(host, "localhost") {
        return Err(RelyingPartyError::InsecureOrigin(origin.to_owned()));
    }
    Ok(host)
}

/// Whether the host is this domain or a subdomain of it.
pub(super) fn is_at_or_below(host: &str, domain: &str) -> bool {
    let head = host.strip_suffix(domain);
    head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// A domain as a browser writes it: in lower case, other scripts in punycode. A last label of digits
/// makes it an IPv4 address (URL standard, "ends in a number").
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.chars().all(is_allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    text.len() <= MAX_DOMAIN && text.split('.').all(is_label) && !is_number
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0 && port.to_string() == text)
}
