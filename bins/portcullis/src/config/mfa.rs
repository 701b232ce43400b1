//! The section `mfa`: the accounts that must have a second factor, the name in authenticator apps, and the
//! relying party of passkeys.

use std::collections::BTreeSet;

use portcullis_flows::access::matrix::MatrixInForce;
use portcullis_flows::sign_in::factor::FactorPolicy;
use portcullis_mfa::passkey::{Aaguid, RelyingParty};

use super::finding::Findings;
use super::raw::{self, Environment, FactorRequirement};
use crate::roles;

const REQUIRED: &str = "mfa.required";
const ROLES: &str = "mfa.required_roles";
const ISSUER: &str = "mfa.issuer";
const MODELS: &str = "mfa.passkey_models";

/// The checked section.
pub(crate) struct Mfa {
    /// The accounts that must have a second factor.
    pub(crate) policy: FactorPolicy,
    /// The name of the service in authenticator apps and browsers.
    pub(crate) issuer: String,
    /// The relying party of passkeys; `None` if the address of the server is no domain name.
    pub(crate) relying_party: Option<RelyingParty>,
}

/// The maximum of characters of the name, so that its QR code stays easy to read.
const MAX_ISSUER: usize = 64;

/// Checks the section. The default name is that of the sender of mails. Browsers see the server at `origin`.
pub(crate) fn check(
    raw: raw::Mfa,
    product: Option<&str>,
    origin: &str,
    matrix: &MatrixInForce,
    environment: Environment,
    findings: &mut Findings,
) -> Mfa {
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
    let issuer = issuer(raw.issuer, product, findings);
    let models = models(raw.passkey_models.unwrap_or_default(), findings);
    let relying_party = relying_party(origin, &issuer, in_production, findings);
    let relying_party = relying_party.map(|relying_party| match models {
        Some(models) => relying_party.allowing_only(models),
        None => relying_party,
    });
    Mfa { policy, issuer, relying_party }
}

/// The relying party of the origin. Browsers know passkeys for domain names only, so a server on a loopback
/// address is `localhost` to them.
fn relying_party(
    origin: &str,
    name: &str,
    in_production: bool,
    findings: &mut Findings,
) -> Option<RelyingParty> {
    let local = ["//127.0.0.1", "//[::1]"].iter().find_map(|address| {
        let (scheme, port) = origin.split_once(address)?;
        Some(format!("{scheme}//localhost{port}"))
    });
    let found = RelyingParty::of_origin(local.as_deref().unwrap_or(origin), name);
    if found.is_err() && in_production {
        let problem = "is no https address of a domain name, so there are no passkeys";
        findings.warn("server.base_url", problem, "give the server a domain name");
    }
    found.ok()
}

/// The models of authenticators that may be registered; `None` allows all.
fn models(raw: Vec<String>, findings: &mut Findings) -> Option<BTreeSet<Aaguid>> {
    if raw.is_empty() {
        return None;
    }
    let mut models = BTreeSet::new();
    for model in raw {
        if let Ok(model) = model.parse() {
            models.insert(model);
        } else {
            let problem = format!("names {model}, which is no AAGUID");
            let remedy = "write it like 00112233-4455-6677-8899-aabbccddeeff";
            findings.fault(MODELS, problem, remedy);
        }
    }
    Some(models)
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
