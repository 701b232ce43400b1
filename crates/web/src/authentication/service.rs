//! Credentials of services: HTTP Basic or a bearer secret, compared with the configured digests.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::Digest;

/// The services that may follow revocations and introspect tokens: the name of each, and the digest
/// of its secret.
#[derive(Clone, Debug, Default)]
pub struct ServiceCredentials(Vec<(String, Digest)>);

impl ServiceCredentials {
    /// True if no service has a credential.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the request has the credential of a service: name and secret by HTTP Basic
    /// authentication (RFC 7617), or the secret alone as a bearer token.
    pub(crate) fn accept(&self, request: &HttpRequest) -> bool {
        PresentedCredential::by(request).is_some_and(|shown| self.know(&shown))
    }

    /// Compares with all services in every case: the duration reveals nothing about any of them.
    fn know(&self, shown: &PresentedCredential) -> bool {
        let digest = Digest::of(&shown.secret);
        let holders = self.0.iter().filter(|(_, known)| *known == digest);
        // Names are not secret.
        let named = holders.filter(|(name, _)| shown.name.as_ref().is_none_or(|is| is == name));
        named.count() > 0
    }
}

impl FromIterator<(String, Digest)> for ServiceCredentials {
    fn from_iter<I: IntoIterator<Item = (String, Digest)>>(credentials: I) -> Self {
        Self(credentials.into_iter().collect())
    }
}

/// The credential of a request.
struct PresentedCredential {
    name: Option<String>,
    secret: String,
}

impl PresentedCredential {
    fn by(request: &HttpRequest) -> Option<Self> {
        let mut values = request.headers().get_all(header::AUTHORIZATION);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self { name: None, secret: credential.to_owned() });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
        let (name, secret) = decoded.split_once(':')?;
        Some(Self { name: Some(name.to_owned()), secret: secret.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_under_its_own_name_or_under_none() {
        let credentials: ServiceCredentials =
            [("one".to_owned(), Digest::of("first")), ("two".to_owned(), Digest::of("second"))]
                .into_iter()
                .collect();
        let knows = |name: Option<&str>, secret: &str| {
            let shown =
                PresentedCredential { name: name.map(str::to_owned), secret: secret.to_owned() };
            credentials.know(&shown)
        };
        assert!(
            knows(Some("one"), "first") && knows(Some("two"), "second") && knows(None, "second")
        );
        assert!(!knows(Some("one"), "second") && !knows(Some("two"), "first"));
        assert!(!knows(None, "") && !knows(Some(""), "first") && !knows(None, "one"));
    }
}
