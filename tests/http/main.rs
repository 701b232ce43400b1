//! Black-box tests of the HTTP API: a real server, a real socket, and both databases for tests of state.
//! [`portcullis_testkit::contract`] checks every answer too.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod answer;
mod awaited_bodies;
mod backup_code_times;
mod bans;
mod body;
mod browser_csrf;
mod catalogue;
mod checkpoint;
mod connections;
mod cors;
mod credentials;
mod csrf;
mod database_loss;
mod decision;
mod decision_bounds;
mod delivery;
mod disavowal;
mod document;
mod email_change;
mod email_verification;
mod factor_limits;
mod factors;
mod follower;
mod foreign_apps;
mod form;
mod headers;
mod health;
mod injection;
mod introspection;
mod invitations;
mod jwks;
mod lockout;
mod login_csrf;
mod mailbox;
mod mass_sign_out;
mod matrix;
mod member;
mod metrics;
mod operations;
mod overload;
mod own_account;
mod passkeys;
mod passkeys_in_chromium;
mod password_change;
mod password_policy;
mod password_reset;
mod permission;
mod proxy;
mod proxy_protocol;
mod pyjwt;
mod rate_limit;
mod recent_routes;
mod refresh;
mod refresh_reuse;
mod refusal;
mod refusal_times;
mod registration;
mod registration_verified;
mod reset_request_times;
mod reset_with_factors;
mod revocation_snapshot;
mod revocations;
mod routes;
mod sessions;
mod setup;
mod sign_out;
mod stack;
mod tls;
mod tour;
mod trail;
mod trail_cursor;
mod used_codes;
mod users;
mod viewer;
mod wake_signal;
mod wire;
mod wire_bounds;
mod wire_framing;
mod wire_pipeline;
mod year;
