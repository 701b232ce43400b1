//! Fault tests of the built program: it is killed, stopped, started twice at once, or cut off from its
//! database. Every answer to a client must stay true: no acknowledged write is lost, no partial write is
//! visible, no spent secret becomes valid again.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod audited_kills;
mod backup;
mod breach_service;
mod connections;
mod database_lost;
mod decision_flood;
mod disk_full;
mod environment;
mod factor_clock;
mod factor_kills;
mod factor_restarts;
mod followed;
mod handshakes;
mod history;
mod kills;
mod link;
mod lockout;
mod log_lost;
mod mail;
mod owners;
mod parts;
mod postgres_clock;
mod printed_mail;
mod proxy;
mod readiness;
mod recording_lost;
mod restarts;
mod restored;
mod revoked_everywhere;
mod secret_change;
mod slow_database;
mod start;
mod stop;
mod time_order;
mod trail;
mod two_nodes;
mod wrong_clock;
