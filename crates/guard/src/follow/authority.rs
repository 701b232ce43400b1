//! HTTP client of the authentication server: keys, snapshot and feed.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_token::{ApiKey, JsonWebKeySet, KeySet};
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use tokio::time::timeout;

use super::events::{self, Events};
use super::introspection::{self, ActiveKey};
use super::lines::{Bounds, Lines};
use super::{ConnectError, Fault};
use crate::client_address::ClientAddress;

/// The HTTP client for the server. Redirects are not followed: a credential is sent to the
/// configured address only.
pub(crate) struct Authority {
    client: Client,
    base: Url,
    issuer: String,
    credential: Credential,
    silence: Duration,
}

/// The credential of one service: HTTP Basic authentication (RFC 7617), or an API key as a bearer token.
pub(crate) struct Credential {
    name: String,
    secret: SecretString,
}

impl Credential {
    pub(crate) fn new(name: &str, secret: SecretString) -> Self {
        Self { name: name.to_owned(), secret }
    }
}

/// The published keys and the time for which they may be used without a new fetch.
pub(crate) struct Published {
    pub(crate) keys: KeySet,
    pub(crate) max_age: Duration,
}

impl Authority {
    pub(crate) fn new(
        address: &str,
        issuer: String,
        credential: Credential,
        plaintext: bool,
        silence: Duration,
    ) -> Result<Self, ConnectError> {
        let base = base(address).ok_or_else(|| ConnectError::Address(address.to_owned()))?;
        if base.scheme() == "http" && !plaintext && !is_this_machine(&base) {
            return Err(ConnectError::Plaintext(address.to_owned()));
        }
        let client = Client::builder()
            .user_agent(concat!("portcullis-guard/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(ANSWER_TIMEOUT)
            .pool_max_idle_per_host(8)
            .build()
            .map_err(Fault::from)?;
        Ok(Self { client, base, issuer, credential, silence })
    }

    /// Fetches the published keys (RFC 7517 section 5); unusable keys are skipped.
    pub(crate) async fn keys(&self) -> Result<Published, Fault> {
        let response = send(self.client.get(self.url(KEYS)?)).await?;
        let max_age = max_age(response.headers());
        let body = timeout(ANSWER_TIMEOUT, whole(response, JsonWebKeySet::MAX_BYTES));
        let body = body.await.map_err(|_| Fault::Silent)??;
        let text = str::from_utf8(&body).map_err(|_| Fault::Malformed("a key set"))?;
        let keys = KeySet::from_jwks(text).map_err(|_| Fault::Malformed("a key set"))?;
        Ok(Published { keys, max_age })
    }

    /// Fetches all current revocations, as lines of JSON.
    pub(crate) async fn snapshot(&self) -> Result<Lines, Fault> {
        let request = self.client.get(self.url(SNAPSHOT)?);
        let response = send(self.identified(request)).await?;
        let bounds = Bounds { line: 64 * 1024, whole: MAX_SNAPSHOT, silence: ANSWER_TIMEOUT };
        Ok(Lines::new(response, bounds))
    }

    /// Opens the feed of revocations after `cursor`.
    pub(crate) async fn feed(&self, cursor: &str) -> Result<Events, Fault> {
        let mut url = self.url(FEED)?;
        url.query_pairs_mut().append_pair("after", cursor);
        let request = self.client.get(url).header(ACCEPT, EVENT_STREAM);
        let response = send(self.identified(request)).await?;
        let content_type = response.headers().get(CONTENT_TYPE).map(AsRef::as_ref);
        if !content_type.is_some_and(|name: &[u8]| name.starts_with(EVENT_STREAM.as_bytes())) {
            return Err(Fault::Malformed("an event stream"));
        }
        let bounds =
            Bounds { line: events::MAX_EVENT_BYTES, whole: u64::MAX, silence: self.silence };
        Ok(Events::new(Lines::new(response, bounds), self.silence))
    }

    /// Asks about an API key of this client; `None` if it is not active. The caller sets a timeout.
    pub(crate) async fn introspect(
        &self,
        key: &str,
        client: Option<ClientAddress>,
    ) -> Result<Option<ActiveKey>, Fault> {
        // A key and an address consist of characters that a form takes as they are.
        let body = match client {
            Some(client) => format!("token={key}&client_address={client}"),
            None => format!("token={key}"),
        };
        let request = self.client.post(self.url(INTROSPECTION)?).header(CONTENT_TYPE, FORM);
        let response = send(self.identified(request).body(body)).await?;
        introspection::parse(&whole(response, introspection::MAX_BYTES).await?, &self.issuer)
    }

    fn identified(&self, request: RequestBuilder) -> RequestBuilder {
        let Credential { name, secret } = &self.credential;
        let secret = secret.expose_secret();
        if secret.starts_with(ApiKey::PREFIX) {
            return request.bearer_auth(secret);
        }
        request.basic_auth(name, Some(secret))
    }

    fn url(&self, path: &str) -> Result<Url, Fault> {
        self.base.join(path).map_err(|_| Fault::Malformed("a path"))
    }
}

const KEYS: &str = ".well-known/jwks.json";
const SNAPSHOT: &str = "api/revocations/snapshot";
const INTROSPECTION: &str = "api/auth/introspect";
const FORM: &str = "application/x-www-form-urlencoded";
const FEED: &str = "api/revocations";
const EVENT_STREAM: &str = "text/event-stream";

/// The timeout for a response that is expected immediately.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of a snapshot in bytes; one entry takes about 70.
const MAX_SNAPSHOT: u64 = 512 * 1024 * 1024;

async fn send(request: RequestBuilder) -> Result<Response, Fault> {
    let response = timeout(ANSWER_TIMEOUT, request.send()).await.map_err(|_| Fault::Silent)??;
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Fault::Credential),
        StatusCode::GONE => Err(Fault::CursorExpired),
        other => Err(Fault::Status(other.as_u16())),
    }
}

async fn whole(mut response: Response, most: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(Fault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Parses the address as a folder, so that paths are joined to it.
fn base(address: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The lifetime of a response (RFC 9111 section 5.2.2.1), with a minimum that avoids constant
/// requests, and a maximum, so that a new key is not missed for hours.
fn max_age(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let seconds = directives
        .flat_map(|value| value.split(','))
        .find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(300)).clamp(MIN_AGE, MAX_AGE)
}

const MIN_AGE: Duration = Duration::from_secs(30);
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_folder_of_a_web_server() {
        let path = |address| base(address).map(|url| url.join(KEYS).unwrap().to_string());
        let expected = Some("https://auth.example.org/.well-known/jwks.json".to_owned());
        assert_eq!(path("https://auth.example.org"), expected);
        assert_eq!(path("https://auth.example.org/"), expected);
        let below = Some("https://example.org/auth/.well-known/jwks.json".to_owned());
        assert_eq!(path("https://example.org/auth"), below);
        for address in
            ["", "auth", "ftp://x", "https://", "https://a?b", "https://u@a", "https://a#b"]
        {
            assert_eq!(path(address), None, "{address}");
        }
    }

    #[test]
    fn only_loopback_is_this_machine() {
        let is_here = |address| is_this_machine(&Url::parse(address).unwrap());
        assert!(
            ["http://localhost:1", "http://127.0.0.9", "http://[::1]:2"].map(is_here) == [true; 3]
        );
        assert!(["http://10.0.0.1", "http://localhost.evil.test"].map(is_here) == [false; 2]);
    }

    #[test]
    fn an_age_is_read_and_kept_within_bounds() {
        let age = |value: &str| {
            max_age(&HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())])).as_secs()
        };
        assert_eq!(age("public, max-age=120"), 120);
        assert_eq!([age("max-age=0"), age("no-cache"), age("max-age=9999999")], [30, 300, 3600]);
    }
}
