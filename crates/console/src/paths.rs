//! Paths of the pages that other pages lead to.

pub(crate) const HOME: &str = "/console";
pub(crate) const SIGN_IN: &str = "/console/sign-in";
pub(crate) const PASSKEY_SIGN_IN: &str = "/console/sign-in/passkey";
pub(crate) const SIGN_OUT: &str = "/console/sign-out";
pub(crate) const RENEW: &str = "/console/renew";
pub(crate) const CONFIRM: &str = "/console/confirm";
pub(crate) const CONFIRM_FORM: &str = "/console/confirm/form";
pub(crate) const CONFIRM_PASSWORD: &str = "/console/confirm/password";
/// The page of the first administrator.
pub const SETUP: &str = "/console/setup";
pub(crate) const FIRST_STEPS: &str = "/console/admin/first-steps";
pub(crate) const REGISTER: &str = "/console/register";
pub(crate) const CHECK_MAIL: &str = "/console/check-mail";
pub(crate) const VERIFY_EMAIL: &str = "/console/verify-email";
pub(crate) const RESEND: &str = "/console/verify-email/resend";
pub(crate) const FORGOT_PASSWORD: &str = "/console/forgot-password";
pub(crate) const RESET_PASSWORD: &str = "/console/reset-password";
pub(crate) const CONFIRM_EMAIL: &str = "/console/confirm-email";
pub(crate) const NOT_ME: &str = "/console/not-me";
pub(crate) const DATA: &str = "/console/data";
pub(crate) const DELETE_ACCOUNT: &str = "/console/delete-account";
pub(crate) const PASSWORD: &str = "/console/password";
pub(crate) const PROFILE: &str = "/console/profile";
pub(crate) const EMAIL: &str = "/console/email";
pub(crate) const FACTORS: &str = "/console/factors";
pub(crate) const APP: &str = "/console/factors/app";
pub(crate) const BACKUP_CODES: &str = "/console/factors/backup-codes";
pub(crate) const PASSKEYS: &str = "/console/factors/passkeys";
pub(crate) const API_KEYS: &str = "/console/api-keys";
pub(crate) const MATRIX_VERSIONS: &str = "/console/admin/matrix/versions";
pub(crate) const MATRIX_REPLAY: &str = "/console/admin/matrix/replay";
pub(crate) const SESSIONS: &str = "/console/sessions";

/// The routes of the API that answer the options for a passkey: of the sign-in, and of a signed-in person.
pub(crate) const PASSKEY_OPTIONS: &str = "/api/auth/login/passkey/options";
pub(crate) const STEP_UP_OPTIONS: &str = "/api/auth/mfa/step-up/options";

/// The route of the API that counts the violations of the content policy that browsers report.
pub(crate) const CSP_REPORTS: &str = "/api/csp-reports";
