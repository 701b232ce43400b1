//! The command line as operators see it: the built program, a directory of its own, no environment
//! but the given one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod configuration;
mod doctor;
mod machine;
mod serve;
mod user_create;
mod user_import;

/// Good enough for the default policy.
const PASSWORD: &str = "plover-xylem-quartz-41";

/// The answer of `crypt_blowfish` for `U*U*U`, at cost 5.
const BCRYPT: &str = "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a";
