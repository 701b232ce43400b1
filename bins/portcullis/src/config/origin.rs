//! Origins as browsers send them (RFC 6454 section 6.2): scheme, host and, unless it is the usual
//! one, port.

use url::Url;

/// Brings an origin into the one form in which browsers send it, so that comparing text suffices.
pub(crate) fn parse(text: &str) -> Result<String, OriginError> {
    let url = Url::parse(text).map_err(|_| OriginError::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(OriginError::Malformed);
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(OriginError::NotOnlyOrigin);
    }
    Ok(url.origin().ascii_serialization())
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    /// Not http or https, or no URL at all.
    #[error("is not an address of the web; write one such as https://auth.example.org")]
    Malformed,
    /// A user, a path, a query or a fragment.
    #[error("is more than scheme, host and port; leave out what follows them")]
    NotOnlyOrigin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_take_the_form_that_browsers_send() {
        for (text, origin) in [
            ("https://auth.example.org", "https://auth.example.org"),
            ("https://auth.example.org/", "https://auth.example.org"),
            ("HTTPS://Auth.Example.org:443", "https://auth.example.org"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(origin), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "*", "null", "auth.example.org", "ftp://example.org", "file:///etc"] {
            assert_eq!(parse(text), Err(OriginError::Malformed), "{text}");
        }
        for text in ["https://a.example/login", "https://me@a.example", "https://a.example?q=1"] {
            assert_eq!(parse(text), Err(OriginError::NotOnlyOrigin), "{text}");
        }
    }
}
