//! Links of mails: the configured base URL, the page of a purpose, and the secret.

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::node::mail::SecretPurpose;

/// The link of a mail. Its secret is in the query, as `token`.
pub(crate) fn to(base_url: &str, purpose: SecretPurpose, secret: &SecretString) -> String {
    let base = base_url.trim_end_matches('/');
    format!("{base}{}?token={}", page(purpose), secret.expose_secret())
}

/// The page that asks for a confirmation and spends the secret. A mail program that follows the link
/// spends nothing.
const fn page(purpose: SecretPurpose) -> &'static str {
    match purpose {
        SecretPurpose::ConfirmNewEmail => "/console/confirm-email",
        SecretPurpose::ResetPassword => "/console/reset-password",
        SecretPurpose::Invitation => "/console/register",
        SecretPurpose::Disavow => "/console/not-me",
        _ => "/console/verify-email",
    }
}
