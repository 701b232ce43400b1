//! Tests of the pair of files, and of its replacement.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, date_time_ymd};
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A folder with a certificate and a key.
struct Folder {
    dir: TempDir,
    files: CertificateFiles,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [certificate, key] = ["server.pem", "key.pem"].map(|name| dir.path().join(name));
        let folder = Self { dir, files: CertificateFiles { certificate, key } };
        folder.issue(|_| ());
        folder
    }

    /// Writes a new pair, valid from the 14th to the 24th.
    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        self.issue_with(&key, change);
        fs::write(&self.files.key, key.serialize_pem()).unwrap();
    }

    fn issue_with(&self, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) {
        let names = vec!["auth.example.org".to_owned(), "192.0.2.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2027, 1, 14);
        params.not_after = date_time_ymd(2027, 1, 24);
        change(&mut params);
        let certificate = params.self_signed(key).unwrap();
        fs::write(&self.files.certificate, certificate.pem()).unwrap();
    }

    fn read(&self) -> Result<Certificate, CertificateError> {
        Certificate::read(&self.files, NOW)
    }

    fn fault(&self) -> (PairFile, String) {
        let CertificateError { file, fault } = self.read().unwrap_err();
        (file, fault.to_string())
    }

    fn load(&self) -> Tls {
        Tls::load(self.files.clone(), NOW).unwrap()
    }
}

/// Midnight of a day in January 2027, the month of [`NOW`].
fn midnight(day: u64) -> Timestamp {
    Timestamp::from_seconds(1_798_761_600) + Duration::from_secs((day - 1) * 86_400)
}

#[test]
fn a_pair_is_read_with_the_end_of_its_validity_and_its_names() {
    let certificate = Folder::new().read().unwrap();
    assert_eq!(certificate.not_after(), midnight(24));
    for host in ["auth.example.org", "192.0.2.1"] {
        assert!(certificate.is_for(host), "{host}");
    }
    for host in ["example.org", "192.0.2.2", "[::1]", "", "*"] {
        assert!(!certificate.is_for(host), "{host}");
    }
    assert!(!format!("{certificate:?}").contains("pair"));
}

#[test]
fn each_fault_names_the_file() {
    use PairFile::{Certificate, Key};
    let folder = Folder::new();
    let files = &folder.files;
    let Folder { files: other, dir: _other_dir } = Folder::new();
    let fault = |file: PairFile, words: &str| {
        let (found, text) = folder.fault();
        assert_eq!(found, file, "{text}");
        assert!(text.contains(words), "{text}");
        folder.issue(|_| ());
    };
    fs::remove_file(&files.key).unwrap();
    fault(Key, "cannot be read");
    fs::remove_file(&files.certificate).unwrap();
    fault(Certificate, "cannot be read");
    fs::copy(&other.key, &files.key).unwrap();
    fault(Key, "does not belong to the certificate");
    fs::write(&files.key, "").unwrap();
    fault(Key, "no private key");
    fs::copy(&files.key, &files.certificate).unwrap();
    fault(Certificate, "no section CERTIFICATE");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(&files.certificate, text).unwrap();
    fault(Certificate, "malformed");
    fs::write(&files.certificate, vec![b'\n'; 256 * 1024 + 1]).unwrap();
    fault(Certificate, "larger than 256 KiB");
    folder.issue(|params| params.not_after = date_time_ymd(2027, 1, 15));
    fault(Certificate, "has expired at 2027-01-15T");
    folder.issue(|params| params.not_before = date_time_ymd(2027, 1, 16));
    fault(Certificate, "is not valid before 2027-01-16T");
    assert!(folder.read().is_ok());
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let path = &folder.files.certificate;
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let (file, text) = folder.fault();
    assert_eq!(file, PairFile::Certificate);
    assert!(text.ends_with("cannot be read: it is a named pipe, not a regular file"), "{text}");
}

#[test]
fn a_key_that_every_user_can_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    for (mode, is_public) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true)] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(&folder.files.key, permissions).unwrap();
        assert_eq!(folder.files.is_key_public(), is_public, "{mode:o}");
    }
}

#[test]
fn a_new_pair_replaces_the_old_one_and_a_faulty_one_does_not() {
    let folder = Folder::new();
    let tls = folder.load();
    let first = tls.config();
    tls.reload(false, NOW);
    assert!(Arc::ptr_eq(&first, &tls.config()), "nothing has changed");
    tls.reload(true, NOW);
    assert!(!Arc::ptr_eq(&first, &tls.config()), "requested");

    let second = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    folder.issue_with(&second, |params| params.not_after = date_time_ymd(2027, 1, 28));
    tls.reload(false, NOW);
    assert_eq!(tls.expires(), midnight(24), "the key is still the old one");
    fs::write(&folder.files.key, second.serialize_pem()).unwrap();
    tls.reload(false, NOW);
    assert_eq!(tls.expires(), midnight(28));

    folder.issue(|params| params.not_after = date_time_ymd(2027, 1, 15));
    tls.reload(false, NOW);
    fs::remove_file(&folder.files.certificate).unwrap();
    tls.reload(false, NOW);
    assert_eq!(tls.expires(), midnight(28), "the last valid pair stays");
    folder.issue(|params| params.not_after = date_time_ymd(2027, 1, 31));
    tls.reload(false, NOW);
    assert_eq!(tls.expires(), midnight(31));
}

#[test]
fn only_http_1_1_is_offered_and_nothing_before_the_handshake_ends() {
    let folder = Folder::new();
    let config = folder.load().config();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    assert_eq!(config.max_early_data_size, 0);
    assert!(config.ticketer.enabled());
    let suites = &config.crypto_provider().cipher_suites;
    for suite in suites {
        let name = format!("{suite:?}");
        assert!(name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"), "{name}");
    }
}
