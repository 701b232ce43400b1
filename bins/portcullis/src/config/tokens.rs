//! The section `tokens`: the secret key, and algorithm, issuer and audience of access tokens.

use std::path::{Path, PathBuf};

use portcullis_domain::{ExposeSecret, SecretString, constant_time_eq};
use portcullis_token::{KeyPairAlgorithm, SecretKey};

use super::finding::Findings;
use super::raw::{self, Environment};

/// The checked section, except for the lifetimes, which `sessions.rs` checks.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The secret key.
    pub secret: Secret,
    /// The previous secret key, which is still accepted.
    pub previous: Option<SecretKey>,
    /// The algorithm of the key pairs that sign access tokens; HS256 under the secret when `None`.
    pub algorithm: Option<KeyPairAlgorithm>,
    /// The claim `iss`; the base URL when `None`.
    pub issuer: Option<String>,
    /// The claim `aud`.
    pub audience: String,
}

/// The source of the secret key.
#[derive(Clone, Debug)]
pub enum Secret {
    /// The operator configured it.
    Configured(SecretKey),
    /// This file, which is created if it is missing.
    Generated(PathBuf),
}

impl Tokens {
    pub(crate) fn check(
        raw: raw::Tokens,
        data_dir: &Path,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        const KEY: &str = "tokens.secret_key";
        let generated = data_dir.join("secret_key");
        if raw.secret_key.is_none() {
            let remedy = "set SECRET_KEY, or SECRET_KEY_FILE, to what `openssl rand -base64 48` \
                          prints";
            if environment == Environment::Development {
                let problem = format!("is not set; the server uses {}", generated.display());
                findings.warn(KEY, problem, remedy);
            } else {
                findings.fault(KEY, "is not set", remedy);
            }
        }
        let parsed = raw.secret_key.as_ref().map(SecretKey::parse);
        let secret = match parsed {
            None => Secret::Generated(generated),
            Some(Ok(key)) => Secret::Configured(key),
            Some(Err(error)) => {
                findings.refuse(KEY, error, "choose another");
                Secret::Generated(generated)
            }
        };
        let previous =
            previous(raw.secret_key_previous.as_ref(), raw.secret_key.as_ref(), findings);
        check_claim("tokens.issuer", raw.issuer.as_deref(), findings);
        check_claim("tokens.audience", raw.audience.as_deref(), findings);
        let audience = raw.audience.unwrap_or_else(|| "portcullis".to_owned());
        let algorithm = match raw.algorithm {
            Some(raw::Algorithm::Hs256) => None,
            None | Some(raw::Algorithm::EdDsa) => Some(KeyPairAlgorithm::EdDsa),
            Some(raw::Algorithm::Es256) => Some(KeyPairAlgorithm::Es256),
        };
        Self { secret, previous, algorithm, issuer: raw.issuer, audience }
    }
}

fn previous(
    previous: Option<&SecretString>,
    current: Option<&SecretString>,
    findings: &mut Findings,
) -> Option<SecretKey> {
    const KEY: &str = "tokens.secret_key_previous";
    let previous = previous?;
    let text = previous.expose_secret().as_bytes();
    if current.is_some_and(|current| constant_time_eq(current.expose_secret().as_bytes(), text)) {
        let remedy = "remove it, or set SECRET_KEY to a new secret";
        findings.fault(KEY, "is the same as the secret key in use", remedy);
        return None;
    }
    SecretKey::parse(previous)
        .map_err(|error| findings.refuse(KEY, error, "remove it; then all users must sign in"))
        .ok()
}

fn check_claim(key: &str, text: Option<&str>, findings: &mut Findings) {
    let is_fit = |text: &str| matches!(text.len(), 1..=256) && !text.chars().any(char::is_control);
    if !text.is_none_or(is_fit) {
        findings.fault(key, "is empty, too long or not printable", "write 1 to 256 characters");
    }
}
