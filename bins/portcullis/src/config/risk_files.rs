//! The files of the section `risk`, read and verified. Only commands that serve or that report on the
//! configuration read them, because they may be large.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use portcullis_domain::open_regular_file;
use portcullis_flows::sign_in::RiskFiles;
use portcullis_flows::sign_in::risk::{BadAddresses, PositionSource, Positions};

use super::Risk;
use super::finding::Findings;

/// The files that the assessment uses; without an assessment none is read.
pub(super) fn read(risk: &Risk, findings: &mut Findings) -> RiskFiles {
    if risk.policy.is_none() {
        return RiskFiles::default();
    }
    let bad_addresses = risk.bad_addresses.as_deref().and_then(|path| {
        let parse = |bytes: Vec<u8>| BadAddresses::parse(&bytes);
        verified("risk.bad_addresses", path, BadAddresses::MAX_BYTES, parse, findings)
    });
    let positions = risk.positions.as_deref().and_then(|path| {
        verified("risk.positions", path, Positions::MAX_BYTES, Positions::parse, findings)
    });
    RiskFiles {
        bad_addresses: bad_addresses.map(Arc::new),
        positions: positions.map(|positions| -> Arc<dyn PositionSource> { Arc::new(positions) }),
    }
}

fn verified<T, E: fmt::Display>(
    key: &str,
    path: &Path,
    most: usize,
    parse: impl FnOnce(Vec<u8>) -> Result<T, E>,
    findings: &mut Findings,
) -> Option<T> {
    let bytes = bounded(path, most).map_err(|error| format!("cannot be read: {error}"));
    let parsed = bytes.and_then(|bytes| parse(bytes).map_err(|error| error.to_string()));
    let fault = |fault| {
        findings.unusable_file(key, path, fault, "replace the file, or remove the key");
    };
    parsed.map_err(fault).ok()
}

/// Reads one byte more than the maximum at most, so that its parser reports a larger file.
fn bounded(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    open_regular_file(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
