//! Request context: the id and the client address of a request, and its source for the audit log.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};
use portcullis_audit::Origin;
use portcullis_domain::{is_deceptive, is_invisible};

use crate::client_address::AddressOwner;
use crate::route_counters::RouteCounters;
use crate::trace_context::TraceContext;

/// The context of a request, found by the outermost layer.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The id of the request in responses, logs and the audit log.
    pub(crate) id: String,
    /// The client, behind any trusted proxies.
    pub(crate) address: IpAddr,
    /// True if the peer is a trusted proxy, whose connection other clients use too.
    pub(crate) is_proxied: bool,
    /// The owner of the client address.
    pub(crate) owner: AddressOwner,
    /// The trace, if the client has named one or an exporter takes it.
    pub(crate) trace: Option<TraceContext>,
    /// True if an exporter takes it.
    pub(crate) is_recorded: bool,
    /// The monotonic time at which the request arrived.
    pub(crate) begun: Duration,
    /// The counters of its route, once that is chosen.
    pub(crate) counters: OnceCell<Arc<RouteCounters>>,
}

impl RequestContext {
    /// The context of this request.
    pub(crate) fn of(request: &HttpRequest) -> Rc<Self> {
        request.extensions().get::<Rc<Self>>().cloned().unwrap_or_else(|| {
            Rc::new(Self {
                id: String::new(),
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                is_proxied: false,
                owner: AddressOwner::Client,
                trace: None,
                is_recorded: false,
                begun: Duration::ZERO,
                counters: OnceCell::new(),
            })
        })
    }
}

/// Address, user agent and request id, for the audit log.
pub fn origin(request: &HttpRequest) -> Origin {
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let context = RequestContext::of(request);
    Origin {
        address: context.address,
        user_agent: user_agent.map(|text| printable(&text)),
        request_id: (!context.id.is_empty()).then(|| context.id.clone()),
    }
}

/// At most 256 characters, none of which could break a log line, reverse its direction or be
/// invisible. The header is not refused for such characters: they are replaced by a mark.
fn printable(text: &str) -> String {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    if text.len() <= 256 && text.as_bytes().iter().all(is_plain) {
        return text.to_owned();
    }
    let hides = |c: char| c != ' ' && (is_deceptive(c) || is_invisible(c));
    text.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_kept_short_and_on_one_line() {
        assert_eq!(printable("a\r\nb\u{1b}[0m"), "a\u{fffd}\u{fffd}b\u{fffd}[0m");
        assert_eq!(printable(&"ä".repeat(1_000)).chars().count(), 256);
    }

    #[test]
    fn nothing_in_a_user_agent_turns_its_line_around_or_hides_in_it() {
        for c in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{e0041}']
        {
            assert_eq!(printable(&format!("curl{c}/8 x")), "curl\u{fffd}/8 x");
        }
    }
}
