//! Test certificates: a certificate authority, and the files of a server whose certificate it issues.

use std::path::{Path, PathBuf};

use portcullis_web::CertificateFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};
use tempfile::TempDir;

/// A certificate authority with the files of one server, `localhost`.
pub struct TestCertificates {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl TestCertificates {
    /// A new authority, and a first certificate.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        let authority = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        let dir = TempDir::new().expect("there is room for a directory");
        let certificates = Self { dir, authority };
        certificates.issue();
        certificates
    }

    /// Replaces the files by those of a new certificate with a new key; returns the certificate in
    /// DER. For a moment, the certificate is new and the key is old.
    pub fn issue(&self) -> Vec<u8> {
        self.issue_with(|_| ())
    }

    /// The same with other parameters.
    pub fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("the names are valid");
        change(&mut params);
        let key = key();
        let certificate = params.signed_by(&key, &self.authority).expect("a certificate");
        let files = self.files();
        for (path, text) in
            [(&files.certificate, certificate.pem()), (&files.key, key.serialize_pem())]
        {
            replace(path, &text);
        }
        certificate.der().to_vec()
    }

    /// The files of the server.
    pub fn files(&self) -> CertificateFiles {
        let [certificate, key] =
            ["server.pem", "server.key"].map(|name| self.dir.path().join(name));
        CertificateFiles { certificate, key }
    }

    /// The file of the certificate of the authority, in PEM.
    pub fn root_file(&self) -> PathBuf {
        let path = self.dir.path().join("authority.pem");
        replace(&path, &self.authority.pem());
        path
    }

    /// The certificate of the authority, which clients trust, in DER.
    pub fn root(&self) -> Vec<u8> {
        self.authority.der().to_vec()
    }
}

impl Default for TestCertificates {
    fn default() -> Self {
        Self::new()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

/// Replaces a file whole, as tools that renew certificates do.
fn replace(path: &Path, text: &str) {
    let draft = path.with_extension("new");
    std::fs::write(&draft, text).expect("there is room for a file");
    std::fs::rename(&draft, path).expect("both are in one directory");
}
