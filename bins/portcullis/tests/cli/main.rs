//! The command line as operators see it: the built program, a directory of its own, no environment
//! but the given one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod api_key;
mod audit;
mod audit_verify;
mod backup;
mod ban;
mod book;
mod breach_filter;
mod certificate;
mod configuration;
mod configuration_start;
mod containers;
mod data_files;
mod doctor;
mod empty_root;
mod hash;
mod invite;
mod keys;
mod machine;
mod mail;
mod nginx;
mod pepper;
mod policy;
mod policy_activate;
mod policy_replay;
mod risk;
mod secret;
mod serve;
mod server_state;
mod service;
mod service_manager;
mod shell;
mod sign_in_log;
mod socket_activation;
#[cfg(feature = "otlp")]
mod traces;
mod units;
mod user_create;
mod user_end_sessions;
mod user_factors;
mod user_import;
mod user_verbs;
mod worker;

/// The matrix that is built in.
const MATRIX: &str = include_str!("../../../../config/access_matrix.toml");

/// It takes `notification read` and two cells more from residents.
fn stricter_matrix() -> String {
    let [full, less] = [
        "\"conflict\", \"notification\"], actions = [\"read\", \"list\"]",
        "\"conflict\"], actions = [\"read\"]",
    ];
    assert_eq!(MATRIX.matches(full).count(), 1);
    MATRIX.replace(full, less)
}

/// Good enough for the default policy.
const PASSWORD: &str = "plover-xylem-quartz-41";

/// The answer of `crypt_blowfish` for `U*U*U`, at cost 5.
const BCRYPT: &str = "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a";
