//! Links of mails: the configured base URL, the page of a purpose, and the secret.

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::node::mail::SecretPurpose;

/// The link of a mail; `None` for a code, which a person types. Its secret is in the query, as `token`.
pub(crate) fn to(base_url: &str, purpose: SecretPurpose, secret: &SecretString) -> Option<String> {
    if purpose.is_code() {
        return None;
    }
    let base = base_url.trim_end_matches('/');
    Some(format!("{base}{}?token={}", page(purpose), secret.expose_secret()))
}

/// The command that uses the secret, for a terminal.
pub(crate) fn command(base_url: &str, purpose: SecretPurpose, secret: &SecretString) -> String {
    let base = base_url.trim_end_matches('/');
    let (route, member, more) = route(purpose);
    let secret = secret.expose_secret();
    format!(
        "curl -X POST {base}{route} -H 'content-type: application/json' \
         -d '{{\"{member}\":\"{secret}\"{more}}}'"
    )
}

/// The route that spends the secret, the member that takes it, and the members that a person fills in.
const fn route(purpose: SecretPurpose) -> (&'static str, &'static str, &'static str) {
    match purpose {
        SecretPurpose::ConfirmNewEmail => ("/api/auth/email/confirm", "token", ""),
        SecretPurpose::ResetPassword => {
            ("/api/auth/password/reset", "token", ",\"new_password\":\"…\"")
        }
        SecretPurpose::Invitation => {
            ("/api/auth/register", "invitation", ",\"username\":\"…\",\"password\":\"…\"")
        }
        SecretPurpose::Disavow | SecretPurpose::DisavowNetworks => {
            ("/api/auth/account/disavow", "token", "")
        }
        SecretPurpose::SignInCode => ("/api/auth/login/mfa", "code", ",\"mfa_token\":\"…\""),
        _ => ("/api/auth/email/verify", "token", ""),
    }
}

/// The page that asks for a confirmation and spends the secret. A mail program that follows the link
/// spends nothing.
const fn page(purpose: SecretPurpose) -> &'static str {
    match purpose {
        SecretPurpose::ConfirmNewEmail => "/console/confirm-email",
        SecretPurpose::ResetPassword => "/console/reset-password",
        SecretPurpose::Invitation => "/console/register",
        SecretPurpose::Disavow | SecretPurpose::DisavowNetworks => "/console/not-me",
        _ => "/console/verify-email",
    }
}
