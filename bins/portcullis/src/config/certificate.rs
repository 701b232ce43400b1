//! The TLS certificate and its key, checked as files. Only commands that serve or that report on the
//! configuration look at the files: others may run as a user who cannot read the key.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_domain::Timestamp;
use portcullis_web::{Certificate, CertificateError, CertificateFiles, PairFile};

use super::finding::{Finding, Findings};
use super::raw::Environment;

/// The key of the certificate file.
const CERTIFICATE: &str = "server.tls_certificate";

/// The key of the file of the private key.
const KEY: &str = "server.tls_key";

/// The time before the end of the validity from which it is reported.
const WARNING_TIME: Duration = Duration::from_secs(14 * 24 * 3600);

impl Finding {
    /// True if it is about the files of certificate and key.
    pub(crate) fn is_about_certificate(&self) -> bool {
        [CERTIFICATE, KEY].contains(&self.key.as_str())
    }
}

/// Both files, if both are named.
pub(super) fn files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    findings: &mut Findings,
) -> Option<CertificateFiles> {
    let (missing, other) = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(CertificateFiles { certificate, key }),
        (None, None) => return None,
        (None, Some(_)) => (CERTIFICATE, KEY),
        (Some(_), None) => (KEY, CERTIFICATE),
    };
    findings.fault(missing, format!("is not set, but {other} is"), "set both, or neither");
    None
}

/// Reports a pair that cannot be used, is about to expire, or is not private.
pub(crate) fn inspect(
    files: &CertificateFiles,
    host: Option<&str>,
    environment: Environment,
    now: Timestamp,
    findings: &mut Findings,
) {
    if files.is_key_public() {
        let (problem, remedy) =
            ("can be used by every user of this machine", "chmod 640, or 600, the file");
        if environment == Environment::Production {
            findings.fault(KEY, problem, remedy);
        } else {
            findings.warn(KEY, problem, remedy);
        }
    }
    match Certificate::read(files, now) {
        Ok(certificate) => inspect_validity(&certificate, host, now, findings),
        Err(CertificateError { file: PairFile::Certificate, fault }) => {
            let remedy = "name the PEM file of a valid certificate, followed by its intermediates";
            findings.fault(CERTIFICATE, fault.to_string(), remedy);
        }
        Err(CertificateError { file: PairFile::Key, fault }) => {
            let remedy = "name the PEM file of the private key of the certificate, readable by the \
                          user of the server";
            findings.fault(KEY, fault.to_string(), remedy);
        }
    }
}

fn inspect_validity(
    certificate: &Certificate,
    host: Option<&str>,
    now: Timestamp,
    findings: &mut Findings,
) {
    let left = certificate.not_after().since(now);
    if left < WARNING_TIME {
        let problem = format!(
            "expires at {}, in {} days",
            certificate.not_after(),
            left.as_secs() / (24 * 3600)
        );
        let remedy = "renew it; a running server loads the new files by itself";
        findings.warn(CERTIFICATE, problem, remedy);
    }
    if let Some(host) = host
        && !certificate.is_for(host)
    {
        let problem = "is not for the host of server.base_url, so browsers refuse it";
        findings.warn(CERTIFICATE, problem, "get a certificate with that name");
    }
}
