//! The list of all routes, each declared beside its handler. It is mounted, described in the API
//! document, and tested.

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use portcullis_web::{Limits, Mount, Route, RouteTable, Router};

use crate::access::decision;
use crate::access::matrix::{self, trial, version};
use crate::audit::checkpoint;
use crate::audit::sign_in_statistics;
use crate::audit::trail::{self, export};
use crate::identity::{
    account, account_change, account_deletion, account_directory, bootstrap, disavowal,
    email_change, email_verification, invitation, network_allowlist, own_data, password_change,
    password_removal, password_reset, password_reset_request, profile, registration,
};
use crate::machine::api_key::of_user;
use crate::machine::revocation::{self, snapshot};
use crate::machine::{api_key, introspection, jwks};
use crate::node::{ban, csp_report, document, health, job, outbox, setting, signing_key};
use crate::sign_in::{
    backup_code, challenge, csrf, device, lockout_directory, mass_sign_out, passkey,
    passkey_sign_in, password, refresh, risk_replay, session, session_directory, sign_out, step_up,
    totp, unlock,
};

/// The server tries them in this order, so the routes with the most requests come first.
fn routes(to: &mut impl Router) {
    to.add(&account::ME, account::me);
    to.add(&decision::CHECK, decision::check);
    to.add(&decision::CHECK_BATCH, decision::check_batch);
    to.add(&registration::REGISTER, registration::register);
    to.add(&email_verification::VERIFY, email_verification::verify);
    to.add(&email_verification::RESEND, email_verification::resend);
    to.add(&email_change::CHANGE, email_change::change);
    to.add(&email_change::CONFIRM, email_change::confirm);
    to.add(&password::FORM, password::form);
    to.add(&password::JSON, password::json);
    to.add(&challenge::ANSWER, challenge::answer);
    to.add(&passkey_sign_in::OPTIONS, passkey_sign_in::options);
    to.add(&passkey_sign_in::VERIFY, passkey_sign_in::verify);
    to.add(&refresh::REFRESH, refresh::refresh);
    to.add(&sign_out::LOGOUT, sign_out::logout);
    to.add(&sign_out::LOGOUT_ALL, sign_out::logout_all);
    to.add(&password_change::CHANGE, password_change::change);
    to.add(&password_removal::REMOVE, password_removal::remove);
    to.add(&profile::CHANGE, profile::change);
    to.add(&account_deletion::DELETE_OWN, account_deletion::delete_own);
    to.add(&own_data::EXPORT, own_data::export);
    to.add(&password_reset_request::FORGOT, password_reset_request::forgot);
    to.add(&password_reset::RESET, password_reset::reset);
    to.add(&disavowal::DISAVOW, disavowal::disavow);
    to.add(&backup_code::LIST, backup_code::list);
    to.add(&totp::ENROL, totp::enrol);
    to.add(&totp::CONFIRM, totp::confirm);
    to.add(&totp::DISABLE, totp::disable);
    to.add(&backup_code::GENERATE, backup_code::generate);
    to.add(&passkey::LIST, passkey::list);
    to.add(&passkey::OPTIONS, passkey::options);
    to.add(&passkey::VERIFY, passkey::verify);
    to.add(&passkey::RENAME, passkey::rename);
    to.add(&passkey::REMOVE, passkey::remove);
    to.add(&step_up::OPTIONS, step_up::options);
    to.add(&step_up::STEP_UP, step_up::step_up);
    to.add(&session::LIST, session::list);
    to.add(&session::END_OTHERS, session::end_others);
    to.add(&session::END, session::end);
    to.add(&device::LIST, device::list);
    to.add(&device::FORGET, device::forget);
    to.add(&api_key::LIST, api_key::list);
    to.add(&api_key::CREATE, api_key::create);
    to.add(&api_key::ROTATE, api_key::rotate);
    to.add(&api_key::REVOKE, api_key::revoke);
    to.add(&network_allowlist::READ, network_allowlist::read);
    to.add(&network_allowlist::REPLACE, network_allowlist::replace);
    to.add(&csrf::ISSUE, csrf::issue);
    to.add(&bootstrap::SET_UP, bootstrap::set_up);
    to.add(&matrix::SHOW, matrix::show);
    of_administrators(to);
    to.add(&jwks::PUBLISH, jwks::publish);
    to.add(&revocation::FEED, revocation::feed);
    to.add(&snapshot::TAKE, snapshot::take);
    to.add(&introspection::INTROSPECT, introspection::introspect);
    to.add(&introspection::REVOKE, introspection::revoke);
    to.add(&document::SERVE, document::serve);
    to.add(&csp_report::RECEIVE, csp_report::receive);
    to.add(&health::LIVE, health::live);
    to.add(&health::READY, health::ready);
}

/// The routes under `/api/admin`.
fn of_administrators(to: &mut impl Router) {
    to.add(&account_directory::LIST, account_directory::list);
    to.add(&account_change::READ, account_change::read);
    to.add(&account_change::CHANGE, account_change::change);
    to.add(&account_deletion::DELETE, account_deletion::delete);
    to.add(&account_change::END_SESSIONS, account_change::end_sessions);
    to.add(&account_change::END_SESSION, account_change::end_session);
    to.add(&session_directory::LIST_OF_USER, session_directory::list_of_user);
    to.add(&session_directory::LIST, session_directory::list);
    to.add(&lockout_directory::LIST, lockout_directory::list);
    to.add(&unlock::READ, unlock::read);
    to.add(&unlock::UNLOCK, unlock::unlock);
    to.add(&of_user::LIST, of_user::list);
    to.add(&of_user::REVOKE, of_user::revoke);
    to.add(&network_allowlist::READ_OF_USER, network_allowlist::read_of_user);
    to.add(&network_allowlist::REPLACE_OF_USER, network_allowlist::replace_of_user);
    to.add(&invitation::LIST, invitation::list);
    to.add(&invitation::CREATE, invitation::create);
    to.add(&invitation::REVOKE, invitation::revoke);
    to.add(&account_change::RESET_FACTORS, account_change::reset_factors);
    to.add(&mass_sign_out::END_ALL, mass_sign_out::end_all);
    to.add(&version::LIST, version::list);
    to.add(&version::PROPOSE, version::propose);
    to.add(&version::READ, version::read);
    to.add(&version::ACTIVATE, version::activate);
    to.add(&version::ROLL_BACK, version::roll_back);
    to.add(&trial::VALIDATE, trial::validate);
    to.add(&trial::DIFF, trial::diff);
    to.add(&trial::REPLAY, trial::replay);
    to.add(&trail::DECISION, trail::decision);
    to.add(&trail::SEARCH, trail::search);
    to.add(&export::EXPORT, export::export);
    to.add(&sign_in_statistics::READ, sign_in_statistics::read);
    to.add(&risk_replay::LIST, risk_replay::list);
    to.add(&risk_replay::REPLAY, risk_replay::replay);
    to.add(&checkpoint::FETCH, checkpoint::fetch);
    to.add(&ban::LIST, ban::list);
    to.add(&ban::IMPOSE, ban::impose);
    to.add(&ban::LIFT, ban::lift);
    to.add(&outbox::LIST, outbox::list);
    to.add(&outbox::RESEND, outbox::resend);
    to.add(&signing_key::LIST, signing_key::list);
    to.add(&signing_key::ROTATE, signing_key::rotate);
    to.add(&signing_key::RETIRE, signing_key::retire);
    to.add(&job::LIST, job::list);
    to.add(&setting::LIST, setting::list);
}

/// Every route of this crate.
pub fn route_table() -> Vec<&'static Route> {
    let mut table = RouteTable::default();
    routes(&mut table);
    table.0
}

/// Mounts every route.
pub(crate) fn configure(app: &mut ServiceConfig, limits: &Arc<Limits>) {
    routes(&mut Mount::new(app, limits));
}
