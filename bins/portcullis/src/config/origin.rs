//! Origins as browsers send them (RFC 6454 section 6.2): scheme, host and, unless it is the default of
//! the scheme, port.

use url::Url;

/// Normalizes an origin to the form in which browsers send it, so that texts can be compared.
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

/// The fault of a text that is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    /// The text is not an http or https URL.
    #[error("is not an http or https address; write one such as https://auth.example.org")]
    Malformed,
    /// The URL has a user, a path, a query or a fragment.
    #[error("has more than scheme, host and port; remove the other parts")]
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
