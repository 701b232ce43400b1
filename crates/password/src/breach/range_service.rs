//! Range service of breached passwords: one request to a configured server, within a short time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use ureq::http::StatusCode;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::Url;

use super::{BreachDigest, BreachService, BreachServiceError, MalformedRange};

/// The maximum time of a request, with the name look-up and the connection.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum size of an answer. With padding, one has about 40 KiB.
const MAX_ANSWER: u64 = 1024 * 1024;

/// A service with the interface of `https://api.pwnedpasswords.com`.
#[derive(Debug)]
pub struct RangeService {
    agent: ureq::Agent,
    base: Url,
}

/// The reason why a range service has not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RangeServiceError {
    /// The request has failed or has taken too long, or the answer is too large.
    #[error(transparent)]
    Http(#[from] Box<ureq::Error>),
    /// The answer is a redirect or an error.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// The answer is no list.
    #[error(transparent)]
    Malformed(#[from] MalformedRange),
}

impl RangeService {
    /// A service with this base URL. It trusts the certificates that the system trusts.
    ///
    /// # Errors
    ///
    /// If the system has no readable certificate and the URL needs one.
    pub fn new(base: Url) -> io::Result<Self> {
        let is_secure = base.scheme() == "https";
        let roots = if is_secure { system_roots()? } else { Vec::new() };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()));
        let config = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .https_only(is_secure)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .user_agent("portcullis");
        Ok(Self { agent: config.build().into(), base })
    }

    fn request(&self, digest: &BreachDigest) -> Result<bool, RangeServiceError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/range/{}", url.path().trim_end_matches('/'), digest.range()));
        let request = self.agent.get(url.as_str()).header("add-padding", "true");
        let mut answer = request.call().map_err(Box::new)?;
        // A redirect is not followed: it could lead anywhere.
        if answer.status() != StatusCode::OK {
            return Err(RangeServiceError::Status(answer.status().as_u16()));
        }
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        Ok(digest.is_listed(&body.map_err(Box::new)?)?)
    }
}

impl BreachService for RangeService {
    /// The service gets five hex digits, and its answer is padded, so that neither the request nor
    /// the size of the answer tells more. The error is a [`RangeServiceError`].
    fn lists(&self, digest: &BreachDigest) -> Result<bool, BreachServiceError> {
        Ok(self.request(digest)?)
    }
}

fn system_roots() -> io::Result<Vec<Certificate<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    let roots = found.certs.iter().map(|der| Certificate::from_der(der).to_owned());
    let roots: Vec<_> = roots.collect();
    if roots.is_empty() {
        return Err(io::Error::other("the system has no trusted certificates"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::{Clock, Password, SystemClock};

    /// A server that answers one request so; the thread returns the request.
    fn server(
        answer: impl FnOnce(&mut TcpStream) + Send + 'static,
    ) -> (RangeService, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/base/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            answer(&mut stream);
            String::from_utf8(request).unwrap()
        });
        (RangeService::new(base.parse().unwrap()).unwrap(), served)
    }

    fn digest() -> BreachDigest {
        BreachDigest::of(&Password::parse("password").unwrap())
    }

    fn respond(stream: &mut TcpStream, status: &str, body: &str) {
        let length = body.len();
        // A client that has seen enough may have closed the connection.
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    }

    #[test]
    fn five_digits_leave_and_nothing_else() {
        let (service, served) = server(|stream| {
            respond(stream, "200 OK", "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3\r\n");
        });
        assert!(service.lists(&digest()).unwrap());
        let request = served.join().unwrap().to_lowercase();
        assert!(request.starts_with("get /base/range/5baa6 http/1.1\r\n"), "{request}");
        assert!(request.contains("add-padding: true\r\n"), "{request}");
        assert!(!request.contains("1e4c9") && !request.contains("cookie"), "{request}");
    }

    #[test]
    fn faults_are_no_answer() {
        for (status, body) in [
            ("500 Oops", "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3"),
            ("200 OK", "<html>not a range</html>"),
            ("200 OK", ""),
        ] {
            let (service, served) = server(move |stream| respond(stream, status, body));
            assert!(service.lists(&digest()).is_err(), "{status} {body}");
            served.join().unwrap();
        }
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let listed = "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3";
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let target = elsewhere.local_addr().unwrap();
        for status in ["301", "302", "303", "307", "308"] {
            let status = format!("{status} Elsewhere\r\nlocation: http://{target}/range/5BAA6");
            let (service, served) = server(move |stream| respond(stream, &status, listed));
            assert!(service.lists(&digest()).is_err(), "the list of a redirect is no answer");
            served.join().unwrap();
        }
        assert_eq!(elsewhere.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[derive(serde::Deserialize)]
    struct Case {
        password_utf8: String,
        request_path: Option<String>,
        response_body: Option<String>,
        server_status: Option<u16>,
        server_delay_ms: Option<u64>,
        response_bytes: Option<usize>,
        expect: String,
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    /// Answers as a case of the vectors wants it.
    fn answer(stream: &mut TcpStream, case: &Case) {
        if case.server_delay_ms.is_some() {
            // The client ends the connection before that time.
            let _ = stream.read(&mut [0]);
            return;
        }
        let body = case.response_body.clone().unwrap_or_default();
        let body = case.response_bytes.map_or(body, |bytes| "A".repeat(bytes));
        respond(stream, &case.server_status.unwrap_or(200).to_string(), &body);
    }

    #[test]
    fn every_case_of_the_vectors_is_listed_clean_or_no_answer() {
        let vectors = include_str!("../../tests/vectors/hibp_range_cases.json");
        let Vectors { cases } = serde_json::from_str(vectors).unwrap();
        let (clock, mut failed) = (SystemClock::new(), 0);
        assert_eq!(cases.len(), 10);
        for case in cases {
            let digest = BreachDigest::of(&Password::parse(&case.password_utf8).unwrap());
            let (path, expect) = (case.request_path.clone(), case.expect.clone());
            let (service, served) = server(move |stream| answer(stream, &case));
            let begun = clock.monotonic();
            let listed = service.lists(&digest);
            // The rest of the time is for a busy machine.
            assert!(clock.monotonic().saturating_sub(begun) < 2 * TIMEOUT, "{expect}");
            match expect.as_str() {
                "breached" => assert!(listed.unwrap(), "{path:?}"),
                "clean" => assert!(!listed.unwrap(), "{path:?}"),
                _ => failed += usize::from(listed.is_err()),
            }
            let request = served.join().unwrap();
            let path = path.unwrap_or_else(|| format!("/range/{}", digest.range()));
            assert!(request.starts_with(&format!("GET /base{path} HTTP/1.1\r\n")), "{request}");
            assert!(request.to_lowercase().contains("add-padding: true\r\n"), "{request}");
        }
        assert_eq!(failed, 4, "status, delay, no range, and size");
    }

    #[test]
    fn a_huge_answer_is_not_read_to_its_end() {
        let (service, served) = server(|stream| {
            let line = "0E4C9B93F3F0682250B6CF8331B7EE68FD8:3\r\n".repeat(1_000);
            let mut sent = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n");
            for _ in 0..1_300 {
                sent = sent.and_then(|()| stream.write_all(line.as_bytes()));
            }
            assert!(sent.is_err(), "the client has read 50 MB");
        });
        assert!(service.lists(&digest()).is_err());
        served.join().unwrap();
    }

    #[test]
    fn a_silent_service_is_left_after_two_seconds() {
        let (service, served) = server(|stream| {
            // It waits for the end of the connection.
            let _ = stream.read(&mut [0]);
        });
        let error = service.lists(&digest()).unwrap_err();
        assert!(error.to_string().contains("timeout"), "{error}");
        served.join().unwrap();
    }
}
