//! The section `admin`: the administrator to create at the first start.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_audit::Origin;
use portcullis_domain::{Email, ExposeSecret, SecretString, Username};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_password::{Context, Password, Policy};

use super::finding::Findings;
use super::raw;

const PASSWORD: &str = "admin.password";

const DEFAULT_USERNAME: &str = "admin";

/// Checks the section: email and password, or neither.
pub(crate) fn check(
    raw: raw::Admin,
    policy: &Policy,
    findings: &mut Findings,
) -> Option<AccountRequest> {
    let username = raw.username.unwrap_or_else(|| DEFAULT_USERNAME.to_owned());
    if let Err(error) = Username::parse(&username) {
        findings.refuse("admin.username", error, "choose another name");
    }
    if let Some(Err(error)) = raw.email.as_deref().map(Email::parse) {
        findings.refuse("admin.email", error, "write the address of the administrator");
    }
    let email = raw.email.as_deref().unwrap_or_default();
    if let Some(password) = &raw.password {
        check_password(password, &username, email, policy, findings);
    }
    match (raw.email, raw.password) {
        (Some(email), Some(password)) => Some(AccountRequest {
            username,
            email,
            password,
            display_name: None,
            origin: Origin {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                user_agent: Some("portcullis serve".to_owned()),
                request_id: None,
            },
        }),
        (Some(_), None) => {
            let remedy = "set ADMIN_PASSWORD, or remove ADMIN_EMAIL and use the setup token that \
                          the first start prints";
            findings.fault(PASSWORD, "is not set, but admin.email is", remedy);
            None
        }
        (None, Some(_)) => {
            findings.fault("admin.email", "is not set, but admin.password is", "set ADMIN_EMAIL");
            None
        }
        (None, None) => None,
    }
}

fn check_password(
    password: &SecretString,
    username: &str,
    email: &str,
    policy: &Policy,
    findings: &mut Findings,
) {
    if is_well_known(password.expose_secret()) {
        let remedy = "choose a unique password; it must be changed at the first sign-in";
        findings.fault(PASSWORD, "is a well-known default password", remedy);
        return;
    }
    let context = Context { username, email, display_name: None };
    let violations = match Password::parse(password.expose_secret()) {
        Ok(password) => policy.check(&password, &context).err().unwrap_or_default(),
        Err(error) => return findings.refuse(PASSWORD, error, "choose a shorter one"),
    };
    for violation in violations {
        findings.refuse(PASSWORD, violation, "choose another");
    }
}

/// Default passwords of products and tutorials, with digits and signs at their ends ignored.
fn is_well_known(password: &str) -> bool {
    const WORDS: [&str; 20] = [
        "admin",
        "administrator",
        "changeit",
        "changeme",
        "changethis",
        "default",
        "demo",
        "guest",
        "letmein",
        "passw0rd",
        "password",
        "pleasechangeme",
        "portcullis",
        "qwerty",
        "root",
        "secret",
        "superuser",
        "test",
        "toor",
        "welcome",
    ];
    let letters: String = password.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    let stem = letters.trim_matches(|c: char| c.is_ascii_digit());
    stem.is_empty() && password.is_ascii() && password.len() < 12
        || WORDS.iter().any(|word| [stem, &letters].contains(word))
        || WORDS.iter().any(|word| stem.len() == 2 * word.len() && stem == word.repeat(2))
        || ["adminpassword", "passwordadmin", "changemenow"].contains(&stem)
}
