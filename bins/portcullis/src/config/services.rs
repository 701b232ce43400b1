//! The section `services`: services that may read revocations and introspect tokens.

use std::collections::BTreeMap;

use portcullis_web::ServiceCredentials;

use super::finding::Findings;

pub(crate) fn check(raw: BTreeMap<String, String>, findings: &mut Findings) -> ServiceCredentials {
    let mut credentials = Vec::new();
    for (name, digest) in raw {
        let key = format!("services.{name}");
        if !is_name(&name) {
            let remedy = "write 1 to 64 of a-z, 0-9, _ and -";
            findings.fault(&key, "is not a valid name of a service", remedy);
        }
        if let Ok(digest) = digest.parse() {
            credentials.push((name, digest));
        } else {
            let remedy = "write the digest that `portcullis service credential` printed, not the \
                          secret itself";
            findings.fault(&key, "is not the digest of a secret", remedy);
        }
    }
    credentials.into_iter().collect()
}

/// True if the name fits in a file, in a variable and in an `Authorization` header.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    matches!(name.len(), 1..=64) && name.bytes().all(fits)
}
