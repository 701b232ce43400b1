//! Checks of the TLS certificate and its key.

use portcullis_domain::Ambient;
use portcullis_web::Certificate;

use super::check::Check;
use crate::config::LoadedConfig;

const NAME: &str = "tls certificate";

/// The findings about the pair of files; without any, the end of its validity. Nothing if no
/// certificate is configured.
pub(super) fn check(loaded: &LoadedConfig) -> Vec<Check> {
    let findings = loaded.findings();
    let faults = findings.faults.iter().filter(|fault| fault.is_about_certificate());
    let faults = faults.map(|fault| Check::failed(NAME, fault.statement(), fault.remedy.clone()));
    let warnings = findings.warnings.iter().filter(|warning| warning.is_about_certificate());
    let warnings =
        warnings.map(|finding| Check::warning(NAME, finding.statement(), finding.remedy.clone()));
    let checks: Vec<_> = faults.chain(warnings).collect();
    if !checks.is_empty() {
        return checks;
    }
    let files = loaded.partly(&["server"]);
    let files = files.and_then(|config| config.server.tls.as_ref());
    let certificate = files.map(|files| Certificate::read(files, Ambient::system().clock.now()));
    certificate.and_then(Result::ok).map_or_else(Vec::new, |certificate| {
        let detail = format!("belongs to its key, and is valid until {}", certificate.not_after());
        vec![Check::ok(NAME, detail)]
    })
}
