//! The section `mfa`: the accounts that must have a second factor, and the name in authenticator apps.

use std::collections::BTreeSet;

use portcullis_flows::access::matrix::MatrixInForce;
use portcullis_flows::sign_in::factor::FactorPolicy;

use super::finding::Findings;
use super::raw::{self, Environment, FactorRequirement};
use crate::roles;

const REQUIRED: &str = "mfa.required";
const ROLES: &str = "mfa.required_roles";
const ISSUER: &str = "mfa.issuer";

/// The maximum of characters of the name, so that its QR code stays easy to read.
const MAX_ISSUER: usize = 64;

/// Checks the section. The default name is that of the sender of mails.
pub(crate) fn check(
    raw: raw::Mfa,
    product: Option<&str>,
    matrix: &MatrixInForce,
    environment: Environment,
    findings: &mut Findings,
) -> (FactorPolicy, String) {
    let in_production = environment == Environment::Production;
    let default =
        if in_production { FactorRequirement::Administrators } else { FactorRequirement::Nobody };
    let required = raw.required.unwrap_or(default);
    if in_production && required == FactorRequirement::Nobody {
        let problem = "leaves administrators without a second factor, which production requires";
        findings.fault(REQUIRED, problem, "remove it, or write administrators or everybody");
    }
    let mut required_roles = BTreeSet::new();
    for word in raw.required_roles.unwrap_or_default() {
        match roles::find(&matrix.matrix, &word) {
            Some(role) => drop(required_roles.insert(role)),
            // A faulty matrix has no known roles.
            None if !findings.is_sound("access") => {}
            None => {
                let problem = "names what is no role of the access matrix";
                findings.fault(ROLES, problem, roles::choices(&matrix.matrix));
            }
        }
    }
    let policy = FactorPolicy {
        everybody: required == FactorRequirement::Everybody,
        administrators: required != FactorRequirement::Nobody,
        roles: required_roles,
    };
    (policy, issuer(raw.issuer, product, findings))
}

fn issuer(raw: Option<String>, product: Option<&str>, findings: &mut Findings) -> String {
    // A colon separates the name from the account in the URI of an app.
    let default = product.unwrap_or("Portcullis").replace(':', " ");
    let Some(issuer) = raw else { return default };
    let is_usable = !issuer.trim().is_empty()
        && issuer.chars().count() <= MAX_ISSUER
        && !issuer.contains(|c: char| c == ':' || c.is_control());
    if !is_usable {
        findings.fault(ISSUER, "is empty, too long, or has a colon", "write a short name");
        return default;
    }
    issuer
}
