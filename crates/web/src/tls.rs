//! TLS of the public listener: the protocol settings, and the certificate that can change while the
//! server runs.
//!
//! TLS 1.3 and 1.2 with the suites of rustls, all of them with forward secrecy and authenticated
//! encryption. Only HTTP/1.1 is offered (ALPN), no client certificate is requested, and no data is
//! accepted before the handshake ends (0-RTT could be replayed). Sessions resume by tickets, so
//! clients take no memory between two connections; a new certificate has new ticket keys.

mod certificate;
mod failure;

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, TryLockError};

use arc_swap::ArcSwap;
use portcullis_domain::Timestamp;
use portcullis_rate_limit::AddressPrefix;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};

pub use self::certificate::{
    Certificate, CertificateError, CertificateFault, CertificateFiles, PairFile,
};
pub(crate) use self::failure::HandshakeFailure;
use self::failure::HandshakeFailures;
use crate::pending::{Pending, PendingBounds, PendingPermit};

/// The TLS settings of a node.
pub struct Tls {
    files: CertificateFiles,
    current: ArcSwap<LoadedCertificate>,
    /// The version of the files that was read last.
    read: Mutex<ReadVersion>,
    handshakes: Arc<Pending>,
    failures: HandshakeFailures,
}

/// A certificate in use.
struct LoadedCertificate {
    config: Arc<ServerConfig>,
    not_after: Timestamp,
}

/// A version of the files.
#[derive(Debug)]
struct ReadVersion {
    stamps: [Option<Stamp>; 2],
    is_valid: bool,
}

/// The identity of the content of a file: device, inode, size, and times of the last changes.
type Stamp = [i128; 5];

/// The error of a start with TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The pair of certificate and key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The cryptography library refuses the settings, or has no randomness.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] Error),
}

impl Tls {
    /// Reads and checks the files.
    ///
    /// # Errors
    ///
    /// If the pair cannot be used, or TLS cannot be set up.
    pub fn load(files: CertificateFiles, now: Timestamp) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let current = LoadedCertificate::new(Certificate::read(&files, now)?)?;
        Ok(Self {
            files,
            current: ArcSwap::from_pointee(current),
            read: Mutex::new(ReadVersion { stamps, is_valid: true }),
            handshakes: Arc::default(),
            failures: HandshakeFailures::default(),
        })
    }

    /// Reads the files again if they have changed since the last time, or in any case if
    /// `is_requested`. The pair in use stays if the new one cannot be used; each change that cannot
    /// be used is logged once.
    pub fn reload(&self, is_requested: bool, now: Timestamp) {
        let mut read = match self.read.try_lock() {
            Ok(read) => read,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The other call reads the files.
            Err(TryLockError::WouldBlock) => return,
        };
        let stamps = stamps(&self.files);
        let is_changed = stamps != read.stamps;
        if !is_changed && read.is_valid && !is_requested {
            return;
        }
        let loaded = Certificate::read(&self.files, now).map_err(TlsError::from);
        let loaded = loaded.and_then(LoadedCertificate::new);
        *read = ReadVersion { stamps, is_valid: loaded.is_ok() };
        match loaded {
            Ok(loaded) => {
                tracing::info!(expires = %loaded.not_after, "loaded the TLS certificate");
                self.current.store(Arc::new(loaded));
            }
            Err(error) if is_changed || is_requested => {
                tracing::warn!(%error, "the TLS certificate in use stays: the new one is refused");
            }
            // It may be half written, so it is read again, and was logged before.
            Err(_) => {}
        }
    }

    /// The end of the validity of the certificate in use.
    pub fn expires(&self) -> Timestamp {
        self.current.load().not_after
    }

    /// The failed handshakes since the start, by reason.
    pub fn handshake_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.failures.counts()
    }

    /// The settings for a new connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Begins a handshake of this client. A handshake beyond the maximum ends an older one.
    pub(crate) fn begin(&self, client: Option<IpAddr>) -> PendingPermit {
        self.handshakes.begin(client.map(AddressPrefix::new), HANDSHAKES)
    }

    /// Counts a failed handshake.
    pub(crate) fn failed(&self, reason: HandshakeFailure) {
        self.failures.count(reason);
    }
}

/// The maximum of handshakes under way. Each holds at most 64 KiB of input.
const HANDSHAKES: PendingBounds = PendingBounds { total: 512, per_client: 512 };

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl LoadedCertificate {
    fn new(certificate: Certificate) -> Result<Self, TlsError> {
        let not_after = certificate.not_after();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate.into_pair())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = Ticketer::new()?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { config: Arc::new(config), not_after })
    }
}

fn stamps(files: &CertificateFiles) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| stamp(path).ok())
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    const NANOSECONDS: i128 = 1_000_000_000;
    let file = fs::metadata(path)?;
    let modified = i128::from(file.mtime()) * NANOSECONDS + i128::from(file.mtime_nsec());
    let changed = i128::from(file.ctime()) * NANOSECONDS + i128::from(file.ctime_nsec());
    Ok([file.dev().into(), file.ino().into(), file.size().into(), modified, changed])
}

#[cfg(test)]
mod tests;
