#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod accounts;
mod answer;
mod authenticator;
mod authenticator_app;
mod browser;
mod certificate;
mod chromium;
mod clock;
pub mod contract;
mod database;
mod loopback;
mod mailbox;
mod process;
mod race;
mod random;
mod redis;
pub mod samples;
mod server;
mod smtp;
mod stop_signal;
mod traffic;

pub use answer::Answer;
pub use authenticator::{SoftAlgorithm, SoftAuthenticator};
pub use authenticator_app::AuthenticatorApp;
pub use browser::Browser;
pub use certificate::TestCertificates;
pub use chromium::{Chromium, Page};
pub use clock::TestClock;
pub use database::{Switch, TestDatabase};
pub use loopback::{connect_from, raise_file_limit};
pub use mailbox::DeliveredMail;
pub use process::ServerProcess;
pub use race::at_once;
pub use random::SeededRandom;
pub use redis::{RedisServer, free_port, redis_url};
pub use samples::PASSWORD;
pub use server::{SERVICE, TestServer, TestSettings, settings};
pub use smtp::{ReceivedMail, SmtpAnswer, SmtpServer, SmtpStep};
pub use stop_signal::{StopReceiver, StopSignal};
pub use traffic::Transfer;
