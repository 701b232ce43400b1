//! Heads of requests (RFC 9112 sections 3 to 6): the framing of their bodies, or a refusal.
//!
//! A head is refused if a proxy could read another length, another target or another host from it,
//! even where the RFC leaves a choice: line feeds alone, several lengths, other codings than
//! `chunked`, a host that is none, a fragment. `Upgrade: websocket` and CONNECT are refused because
//! the HTTP server would take everything after them for their body.

use std::mem::MaybeUninit;
use std::net::Ipv6Addr;

use httparse::{Error, Header, Request, Status};
use memchr::memchr_iter;

/// The maximum head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// The maximum of header fields of a request; the HTTP server has the same limit.
pub(super) const MAX_FIELDS: usize = 96;

/// The body of a request, by its head (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    None,
    /// In bytes; not 0.
    Length(u64),
    Chunked,
}

/// The reason why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// It has more than [`MAX_HEAD`] bytes or [`MAX_FIELDS`] fields.
    TooLarge,
    Malformed,
}

/// The length of the head at the beginning of `text`, and the framing of the body; `None` if it is
/// not complete.
pub(super) fn complete(text: &[u8]) -> Result<Option<(usize, BodyFraming)>, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(text, &mut fields) {
        Ok(Status::Partial) => return Ok(None),
        Ok(Status::Complete(length)) => length,
        Err(Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(_) => return Err(HeadError::Malformed),
    };
    let head = text.get(..length).unwrap_or_default();
    let body = has_whole_lines(head).then(|| framing(&request)).flatten();
    body.map(|body| Some((length, body))).ok_or(HeadError::Malformed)
}

/// True if no line feed stands alone (RFC 9112 section 2.2 would allow that).
fn has_whole_lines(head: &[u8]) -> bool {
    memchr_iter(b'\n', head).all(|end| head.get(..end).is_some_and(|line| line.ends_with(b"\r")))
}

/// The framing of the body (RFC 9112 section 6.3); `None` if the head is malformed.
fn framing(request: &Request<'_, '_>) -> Option<BodyFraming> {
    let is_old = request.version? == 0;
    let (mut host, mut length, mut is_chunked) = (None, None, false);
    for Header { name, value } in request.headers.iter() {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            let value = str::from_utf8(value).ok().filter(|value| is_host(value))?;
            if host.replace(value).is_some() {
                return None;
            }
        } else if is("content-length") {
            if length.replace(decimal(value)?).is_some() {
                return None;
            }
        } else if is("transfer-encoding") {
            if is_old || is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            is_chunked = true;
        } else if is("upgrade") && value.eq_ignore_ascii_case(b"websocket") {
            return None;
        }
    }
    let is_addressed = is_target(request.method?, request.path?, host);
    if !is_addressed || (host.is_none() && !is_old) {
        return None;
    }
    match (is_chunked, length) {
        (true, None) => Some(BodyFraming::Chunked),
        (false, Some(length @ 1..)) => Some(BodyFraming::Length(length)),
        (false, Some(0) | None) => Some(BodyFraming::None),
        (true, Some(_)) => None,
    }
}

/// One or more digits. [`str::parse`] would allow a sign.
fn decimal(text: &[u8]) -> Option<u64> {
    text.iter().all(u8::is_ascii_digit).then_some(text)?;
    str::from_utf8(text).ok()?.parse().ok()
}

/// True if the target has a form that the method permits, and names no other host than the field
/// `Host` (RFC 9112 section 3.2).
fn is_target(method: &str, target: &str, host: Option<&str>) -> bool {
    if target.contains('#') || method == "CONNECT" {
        return false;
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return true;
    }
    let Some((scheme, rest)) = target.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && !authority.is_empty()
        && is_host(authority)
        && host.is_none_or(|host| host.eq_ignore_ascii_case(authority))
}

/// True for a host with or without a port (RFC 9110 section 7.2). It may be empty.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, "0"),
    };
    let is_host = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        None => host.bytes().all(is_in_name),
    };
    is_host && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// True for a byte of a registered name (RFC 3986 section 3.2.2).
const fn is_in_name(byte: u8) -> bool {
    let is_mark = matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%');
    byte.is_ascii_alphanumeric()
        || is_mark
        || matches!(byte, b'!' | b'$' | b'&'..=b',' | b';' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_form_of_the_standard() {
        for host in ["", "x", "a.example:8080", "192.0.2.1", "[::1]", "[2001:db8::1]:443", "x%20y"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "x y", "a@x", "x/y", "x?y", "x:", "x:y", "x:65536", "[x", "[x]", "::1", "x:1:2",
            "\u{e4}",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn a_target_has_a_form_of_the_standard_and_no_other_host() {
        for (method, target) in [
            ("GET", "/"),
            ("GET", "/a?b=http://y"),
            ("OPTIONS", "*"),
            ("GET", "http://x"),
            ("GET", "HTTPS://X/a"),
            ("GET", "http://x?a"),
        ] {
            assert!(is_target(method, target, Some("x")), "{method} {target}");
        }
        for (method, target) in [
            ("GET", ""),
            ("GET", "*"),
            ("GET", "x:80"),
            ("CONNECT", "x:80"),
            ("GET", "/a#b"),
            ("GET", "a"),
            ("GET", "http:///a"),
            ("GET", "http://y/"),
            ("GET", "http://x:80/"),
            ("GET", "http://u@x/"),
            ("GET", "ftp://x/"),
        ] {
            assert!(!is_target(method, target, Some("x")), "{method} {target}");
        }
    }

    #[test]
    fn a_length_is_digits_and_nothing_else() {
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", "1 ", "0x1", "1,1", "18446744073709551616", "\u{662}"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }
}
