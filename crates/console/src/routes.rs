//! The list of all pages, each declared beside its handler.

use portcullis_web::{Route, RouteTable, Router};

use crate::access::{matrix, replay, version};
use crate::audit::{entry, sign_in_statistics, trail};
use crate::identity::{
    account_change, account_deletion, account_directory, bootstrap, disavowal, email, email_change,
    email_verification, invitation, mail_notice, own_data, password_change, password_reset,
    password_reset_request, profile, registration,
};
use crate::machine::api_key;
use crate::node::{ban, first_steps, outbox, overview, server, signing_key};
use crate::sign_in::{
    backup_code, challenge, factors, first_step, lockout_directory, passkey, passkey_sign_in,
    password, renewal, risk_replay, session, session_directory, sign_out, step_up, totp,
};
use crate::{asset_route, home};

pub(crate) fn routes(to: &mut impl Router) {
    for_people(to);
    for_operators(to);
}

fn for_people(to: &mut impl Router) {
    to.add(&asset_route::FILE, asset_route::file);
    to.add(&home::HOME, home::home);
    to.add(&home::ROOT, home::root);
    to.add(&home::FOLDER, home::folder);
    to.add(&first_step::SHOW, first_step::show);
    to.add(&password::SIGN_IN, password::sign_in);
    to.add(&passkey_sign_in::SIGN_IN_ALONE, passkey_sign_in::sign_in_alone);
    to.add(&challenge::BEGIN_AGAIN, challenge::begin_again);
    to.add(&challenge::ANSWER, challenge::answer);
    to.add(&renewal::RENEW, renewal::renew);
    to.add(&renewal::RENEW_FORM, renewal::renew);
    to.add(&sign_out::SIGNED_OUT, sign_out::signed_out);
    to.add(&sign_out::SIGN_OUT, sign_out::sign_out);
    to.add(&step_up::SHOW, step_up::show);
    to.add(&step_up::CONFIRM, step_up::confirm);
    to.add(&step_up::KEEP, step_up::keep);
    to.add(&step_up::CONFIRM_PASSWORD, step_up::confirm_password);
    to.add(&bootstrap::SHOW, bootstrap::show);
    to.add(&bootstrap::SET_UP, bootstrap::set_up);
    to.add(&registration::SHOW, registration::show);
    to.add(&registration::REGISTER, registration::register);
    to.add(&mail_notice::SHOW, mail_notice::show);
    to.add(&email_verification::SHOW, email_verification::show);
    to.add(&email_verification::VERIFY, email_verification::verify);
    to.add(&email_verification::ASK, email_verification::ask);
    to.add(&email_verification::RESEND, email_verification::resend);
    to.add(&password_reset_request::SHOW, password_reset_request::show);
    to.add(&password_reset_request::FORGOT, password_reset_request::forgot);
    to.add(&password_reset::SHOW, password_reset::show);
    to.add(&password_reset::RESET, password_reset::reset);
    to.add(&password_change::WELL_KNOWN, password_change::well_known);
    to.add(&password_change::SHOW, password_change::show);
    to.add(&password_change::CHANGE, password_change::change);
    to.add(&profile::SHOW, profile::show);
    to.add(&profile::CHANGE, profile::change);
    to.add(&email::SHOW, email::show);
    to.add(&email::CHANGE, email::change);
    to.add(&email_change::SHOW, email_change::show);
    to.add(&email_change::CONFIRM, email_change::confirm);
    to.add(&disavowal::SHOW, disavowal::show);
    to.add(&disavowal::DISAVOW, disavowal::disavow);
    to.add(&own_data::SHOW, own_data::show);
    to.add(&account_deletion::SHOW, account_deletion::show);
    to.add(&account_deletion::DELETE, account_deletion::delete);
    to.add(&factors::LIST, factors::list);
    to.add(&totp::SHOW, totp::show);
    to.add(&totp::START, totp::start);
    to.add(&totp::CONFIRM, totp::confirm);
    to.add(&totp::REMOVAL, totp::removal);
    to.add(&totp::REMOVE, totp::remove);
    to.add(&backup_code::SHOW, backup_code::show);
    to.add(&backup_code::GENERATE, backup_code::generate);
    to.add(&passkey::SHOW, passkey::show);
    to.add(&passkey::START, passkey::start);
    to.add(&passkey::CREATE, passkey::create);
    to.add(&passkey::EDIT, passkey::edit);
    to.add(&passkey::RENAME, passkey::rename);
    to.add(&passkey::REMOVAL, passkey::removal);
    to.add(&passkey::REMOVE, passkey::remove);
    to.add(&api_key::LIST, api_key::list);
    to.add(&api_key::SHOW, api_key::show);
    to.add(&api_key::CREATE, api_key::create);
    to.add(&api_key::ROTATION, api_key::rotation);
    to.add(&api_key::ROTATE, api_key::rotate);
    to.add(&api_key::REVOCATION, api_key::revocation);
    to.add(&api_key::REVOKE, api_key::revoke);
    to.add(&session::LIST, session::list);
    to.add(&session::END, session::end);
    to.add(&session::END_OTHERS, session::end_others);
    to.add(&session::FORGET, session::forget);
}

fn for_operators(to: &mut impl Router) {
    to.add(&overview::SHOW, overview::show);
    to.add(&account_directory::LIST, account_directory::list);
    to.add(&account_change::SHOW, account_change::show);
    to.add(&account_change::CHANGE_ROLE, account_change::change_role);
    to.add(&account_change::ACTIVATE, account_change::activate);
    to.add(&account_change::DEACTIVATE, account_change::deactivate);
    to.add(&account_change::DEMAND_PASSWORD, account_change::demand_password);
    to.add(&account_change::UNLOCK, account_change::unlock);
    to.add(&account_change::RESET_FACTORS, account_change::reset_factors);
    to.add(&account_change::END_SESSIONS, account_change::end_sessions);
    to.add(&account_change::END_SESSION, account_change::end_session);
    to.add(&account_change::REVOKE_KEY, account_change::revoke_key);
    to.add(&account_change::DELETE, account_change::delete);
    to.add(&session_directory::LIST, session_directory::list);
    to.add(&invitation::LIST, invitation::list);
    to.add(&invitation::CREATE, invitation::create);
    to.add(&invitation::REVOKE, invitation::revoke);
    to.add(&matrix::SHOW, matrix::show);
    to.add(&version::LIST, version::list);
    to.add(&version::PROPOSE, version::propose);
    to.add(&version::ACTIVATE, version::activate);
    to.add(&version::ROLL_BACK, version::roll_back);
    to.add(&replay::SHOW, replay::show);
    to.add(&replay::RUN, replay::run);
    to.add(&trail::SEARCH, trail::search);
    to.add(&entry::SHOW, entry::show);
    to.add(&sign_in_statistics::SHOW, sign_in_statistics::show);
    to.add(&sign_in_statistics::UNLOCK, sign_in_statistics::unlock);
    to.add(&sign_in_statistics::BAN, sign_in_statistics::ban);
    to.add(&risk_replay::LIST, risk_replay::list);
    to.add(&risk_replay::REPLAY, risk_replay::replay);
    to.add(&lockout_directory::LIST, lockout_directory::list);
    to.add(&outbox::LIST, outbox::list);
    to.add(&outbox::RESEND, outbox::resend);
    to.add(&signing_key::LIST, signing_key::list);
    to.add(&signing_key::ROTATE, signing_key::rotate);
    to.add(&signing_key::RETIRE, signing_key::retire);
    to.add(&first_steps::SHOW, first_steps::show);
    to.add(&first_steps::TEST_MAIL, first_steps::test_mail);
    to.add(&server::JOBS, server::jobs);
    to.add(&server::SETTINGS, server::settings);
    to.add(&ban::LIST, ban::list);
    to.add(&ban::IMPOSE, ban::impose);
    to.add(&ban::LIFT, ban::lift);
}

/// Every route of this crate.
pub fn route_table() -> Vec<&'static Route> {
    let mut table = RouteTable::default();
    routes(&mut table);
    table.0
}
