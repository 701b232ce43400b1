//! Certificate chain and private key, read from PEM files and checked as a pair.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use portcullis_domain::{Timestamp, open_regular_file};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::time::Time;
use zeroize::Zeroizing;

/// The files of certificate and key.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate of the server, followed by those of the intermediate authorities.
    pub certificate: PathBuf,
    /// Its private key, without a passphrase.
    pub key: PathBuf,
}

/// A certificate chain with its private key.
pub struct Certificate {
    pair: CertifiedKey,
    not_after: Timestamp,
}

/// One of the two files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {file} {fault}")]
pub struct CertificateError {
    /// The file.
    pub file: PairFile,
    /// Its fault.
    pub fault: CertificateFault,
}

/// One file of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairFile {
    /// The file of the certificate chain.
    Certificate,
    /// The file of the private key.
    Key,
}

/// The fault of a file, as the end of a sentence with the file as its subject.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file is too large for a certificate or a key.
    #[error("is larger than 256 KiB")]
    TooLarge,
    /// The file does not have what it must have.
    #[error("has no section CERTIFICATE, or no private key without a passphrase, in PEM form")]
    NotPem,
    /// The certificate is malformed.
    #[error("is malformed")]
    Malformed,
    /// The algorithm or the size of the key is not supported.
    #[error("has an algorithm or a size that is not supported")]
    Unsupported,
    /// Certificate and key do not belong together.
    #[error("does not belong to the certificate")]
    Mismatch,
    /// The validity begins later.
    #[error("is not valid before {0}")]
    NotYetValid(Timestamp),
    /// The validity has ended.
    #[error("has expired at {0}")]
    Expired(Timestamp),
}

/// In bytes.
const MAX_FILE: u64 = 256 * 1024;

impl CertificateFiles {
    /// True if every user of this machine can read, write or replace the content of the key.
    pub fn is_key_public(&self) -> bool {
        fs::metadata(&self.key).is_ok_and(|file| file.permissions().mode() & 0o007 != 0)
    }
}

impl Certificate {
    /// Reads both files and checks that they belong together and that the certificate is valid at
    /// this time.
    ///
    /// # Errors
    ///
    /// If the pair cannot be used; the error names the file.
    pub fn read(files: &CertificateFiles, now: Timestamp) -> Result<Self, CertificateError> {
        let chain = certificates(&files.certificate).map_err(PairFile::Certificate.faulty())?;
        let (not_before, not_after) = validity(&chain).map_err(PairFile::Certificate.faulty())?;
        let key = private_key(&files.key).map_err(PairFile::Key.faulty())?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let pair = pair.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CertificateError { file: PairFile::Key, fault: CertificateFault::Mismatch }
            }
            Error::InvalidCertificate(_) => {
                CertificateError { file: PairFile::Certificate, fault: CertificateFault::Malformed }
            }
            _ => CertificateError { file: PairFile::Key, fault: CertificateFault::Unsupported },
        })?;
        let fault = if now < not_before {
            CertificateFault::NotYetValid(not_before)
        } else if now > not_after {
            CertificateFault::Expired(not_after)
        } else {
            return Ok(Self { pair, not_after });
        };
        Err(CertificateError { file: PairFile::Certificate, fault })
    }

    /// The end of the validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// True if clients accept the certificate for this host.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let parsed = self.pair.end_entity_cert().map(ParsedCertificate::try_from);
        matches!(
            (parsed, ServerName::try_from(host)),
            (Ok(Ok(certificate)), Ok(name)) if verify_server_name(&certificate, &name).is_ok()
        )
    }

    pub(super) fn into_pair(self) -> CertifiedKey {
        self.pair
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl PairFile {
    fn faulty(self) -> impl FnOnce(CertificateFault) -> CertificateError {
        move |fault| CertificateError { file: self, fault }
    }
}

impl fmt::Display for PairFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Key => "private key",
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or(CertificateFault::NotPem)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateFault> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| CertificateFault::NotPem)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateFault> {
    let file = open_regular_file(path).map_err(CertificateFault::Unreadable)?;
    // A buffer that grew would leave copies of the key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_FILE + 1).unwrap_or(0)));
    let length = file.take(MAX_FILE + 1).read_to_end(&mut text);
    match length.map_err(CertificateFault::Unreadable)? {
        _ if text.len() == text.capacity() => Err(CertificateFault::TooLarge),
        _ => Ok(text),
    }
}

/// Begin and end of the validity of the first certificate.
fn validity(chain: &[CertificateDer<'static>]) -> Result<(Timestamp, Timestamp), CertificateFault> {
    let first = chain.first().ok_or(CertificateFault::NotPem)?;
    let parsed = CertificateInner::<Raw>::from_der(first);
    let parsed = parsed.map_err(|_| CertificateFault::Malformed)?;
    let validity = parsed.tbs_certificate().validity();
    let timestamp = |time: &Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs());
        Timestamp::from_seconds(seconds.unwrap_or(i64::MAX))
    };
    Ok((timestamp(&validity.not_before), timestamp(&validity.not_after)))
}
