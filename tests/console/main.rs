//! Black-box tests of the pages: a real server, a real socket, and a real browser where it matters.
//! [`portcullis_testkit::contract`] checks every answer too.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod administration;
mod album;
mod api_keys;
mod assets;
mod audit;
mod audit_tail;
mod csp_reports;
mod email;
mod email_verification;
mod errors;
mod factors;
mod failed_sign_ins;
mod first_steps;
mod form;
mod injection;
mod journeys;
mod kept_forms;
mod keyboard;
#[expect(dead_code, reason = "the tests of the API use more of it")]
#[path = "../http/mailbox.rs"]
mod mailbox;
mod mailed_links;
mod matrix_injection;
mod operator_journeys;
mod overview;
mod own_account;
mod password_change;
mod password_reset;
mod pictures;
mod profile;
#[path = "../http/qr_code.rs"]
mod qr_code;
mod redirects;
mod registration;
mod renewal;
mod replay;
mod risk;
mod roles;
mod second_step;
mod sessions;
mod setup;
mod sign_in;
mod sign_in_numbers;
mod sign_out;
mod step_up;
mod traffic;
