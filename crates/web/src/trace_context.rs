//! Trace context of a request (W3C Trace Context, level 2): `traceparent` is parsed, continued and returned.
//!
//! Without an exporter, a request without the header costs one look-up in its headers. With the header, the answer
//! has the same trace id and the span id of this server, and the log lines of the request have the trace id. An
//! invalid header starts another trace, as the standard says. `tracestate` is not read, because this server sends
//! no requests on.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use portcullis_domain::SecureRandom;

/// The header of the trace context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of a header of version 0, in bytes.
const LENGTH: usize = 55;

/// Version 255 is not valid.
const NO_VERSION: u8 = 0xff;

/// The flags that the standard defines: sampled, and a random trace id. Others are not sent on.
const KNOWN_FLAGS: u8 = 0b11;

/// The flag of a caller that records the trace.
const SAMPLED: u8 = 0b01;

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The id of the trace.
    pub(crate) trace: TraceId,
    /// The id of the work of the caller; `None` if the trace begins here.
    pub(crate) parent: Option<SpanId>,
    /// The id of the work of this server.
    pub(crate) span: SpanId,
    flags: u8,
    /// True if the request has the header.
    pub(crate) is_named: bool,
}

/// The id of a trace: 16 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(pub(crate) [u8; 16]);

/// The id of the work of one party: 8 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(pub(crate) [u8; 8]);

impl TraceContext {
    /// The context of a request with these headers; `None` if they have no `traceparent`.
    pub(crate) fn of(headers: &HeaderMap, random: &dyn SecureRandom) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT);
        let first = values.next()?;
        // Several values name no trace.
        let only = values.next().is_none().then_some(first);
        let parsed = only.and_then(|value| parse(value.as_bytes()));
        Some(parsed.map_or_else(
            || Self { is_named: true, ..Self::begin(random) },
            |(trace, parent, flags)| Self {
                trace,
                parent: Some(parent),
                span: SpanId(filled(random)),
                flags,
                is_named: true,
            },
        ))
    }

    /// A trace that begins here, and that nobody has asked to sample.
    pub(crate) fn begin(random: &dyn SecureRandom) -> Self {
        let (trace, span) = (TraceId(filled(random)), SpanId(filled(random)));
        Self { trace, parent: None, span, flags: 0b10, is_named: false }
    }

    /// True if the caller records the trace; `None` if the trace begins here.
    pub(crate) fn is_sampled(&self) -> Option<bool> {
        self.parent.map(|_| self.flags & SAMPLED != 0)
    }

    /// The header of the answer.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let Self { trace, span, flags, .. } = self;
        HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")).ok()
    }
}

/// Random bytes that are not all zero.
fn filled<const N: usize>(random: &dyn SecureRandom) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    if let (true, Some(last)) = (bytes == [0; N], bytes.last_mut()) {
        *last = 1;
    }
    bytes
}

/// The trace, the parent and the known flags of a header (section 3.2 of the standard). A later version may
/// have further fields after those of version 0.
fn parse(value: &[u8]) -> Option<(TraceId, SpanId, u8)> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let [version] = hexadecimal(known.get(..2)?)?;
    let is_longer = !rest.is_empty();
    if version == NO_VERSION || (is_longer && (version == 0 || !rest.starts_with(b"-"))) {
        return None;
    }
    if [2, 35, 52].into_iter().any(|place| known.get(place) != Some(&b'-')) {
        return None;
    }
    let trace: [u8; 16] = hexadecimal(known.get(3..35)?)?;
    let parent: [u8; 8] = hexadecimal(known.get(36..52)?)?;
    let [flags] = hexadecimal(known.get(53..55)?)?;
    let is_valid = trace != [0; 16] && parent != [0; 8];
    is_valid.then_some((TraceId(trace), SpanId(parent), flags & KNOWN_FLAGS))
}

/// The bytes of lower-case hexadecimal digits.
fn hexadecimal<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    struct Zeros;

    impl SecureRandom for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn of(values: &[&str]) -> TraceContext {
        TraceContext::of(&headers(values), &SystemRandom).unwrap()
    }

    fn continues(value: &str) -> bool {
        let context = of(&[value]);
        assert_eq!(context.trace.to_string() == TRACE, context.parent.is_some(), "{value}");
        context.parent.is_some()
    }

    #[test]
    fn a_valid_header_is_continued_with_another_span() {
        let context = of(&[VALID]);
        assert_eq!(context.trace.to_string(), TRACE);
        assert_eq!(context.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert_ne!(context.span, context.parent.unwrap());
        let answer = format!("00-{TRACE}-{}-01", context.span);
        assert_eq!(context.header().unwrap(), answer.as_str());
        assert_ne!(of(&[VALID]).span, context.span, "each request has its own");
        assert_eq!(context.is_sampled(), Some(true));
        assert_eq!(of(&[&format!("{}00", &VALID[..53])]).is_sampled(), Some(false));
        assert_eq!(of(&[""]).is_sampled(), None);
    }

    #[test]
    fn a_request_without_the_header_has_no_context() {
        assert_eq!(TraceContext::of(&headers(&[]), &SystemRandom), None);
    }

    #[test]
    fn unknown_flags_are_not_sent_on() {
        for (given, sent) in [("00", "00"), ("03", "03"), ("ff", "03"), ("fc", "00"), ("09", "01")]
        {
            let header = of(&[&format!("{}{given}", &VALID[..53])]).header().unwrap();
            assert!(header.to_str().unwrap().ends_with(&format!("-{sent}")), "{given}: {header:?}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = |version: &str, rest: &str| format!("{version}{}{rest}", &VALID[2..]);
        for value in [later("01", ""), later("cc", "-what-the-future-brings"), later("fe", "-")] {
            assert!(continues(&value), "{value}");
            let header = of(&[&value]).header().unwrap();
            assert!(header.to_str().unwrap().starts_with("00-"), "version 0 is sent: {header:?}");
        }
        for value in [later("01", ".what"), later("cc", "0"), later("ff", ""), later("ff", "-a")] {
            assert!(!continues(&value), "{value}");
        }
    }

    #[test]
    fn what_is_not_valid_begins_another_trace() {
        let replaced =
            |from: usize, by: &str| format!("{}{by}{}", &VALID[..from], &VALID[from + by.len()..]);
        let zeros = "0".repeat(32);
        for value in [
            String::new(),
            "00".to_owned(),
            VALID[..54].to_owned(),
            format!("{VALID}-"),
            format!("{VALID}-extra"),
            format!("{VALID}0"),
            format!("0{VALID}"),
            VALID.to_uppercase(),
            VALID.replace('-', "_"),
            VALID.replace('-', ""),
            replaced(3, &zeros),
            replaced(36, &zeros[..16]),
            replaced(0, "0g"),
            replaced(0, ".0"),
            replaced(3, "4B"),
            replaced(3, " 4"),
            replaced(10, "+"),
            replaced(36, "-"),
            replaced(40, "x"),
            replaced(53, "0G"),
            replaced(53, "0."),
            format!("{}é{}", &VALID[..5], &VALID[7..]),
            "f".repeat(100_000),
        ] {
            assert!(!continues(&value), "{value}");
        }
    }

    #[test]
    fn two_headers_name_no_trace() {
        for values in [[VALID, VALID], ["", VALID], [VALID, "x"]] {
            assert_eq!(of(&values).parent, None, "{values:?}");
        }
    }

    #[test]
    fn no_id_is_all_zero() {
        let context = TraceContext::begin(&Zeros);
        assert_eq!(context.trace.to_string(), format!("{:032x}", 1));
        assert_eq!(context.span.to_string(), format!("{:016x}", 1));
        assert!(parse(context.header().unwrap().as_bytes()).is_some());
    }
}
