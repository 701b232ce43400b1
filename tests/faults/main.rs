//! The built program under faults: killed, stopped, started twice at once, cut off from its
//! database. What must hold is what a client was told: nothing acknowledged is lost, nothing
//! half-done is visible, no used secret becomes usable again.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on panics, and that is its report"
)]

mod audited_kills;
mod database_lost;
mod decision_flood;
mod disk_full;
mod followed;
mod history;
mod kills;
mod link;
mod lockout;
mod log_lost;
mod parts;
mod proxy;
mod readiness;
mod recording_lost;
mod redis;
mod restarts;
mod restored;
mod revoked_everywhere;
mod secret_change;
mod slow_database;
mod start;
mod stop;
mod surroundings;
mod time_order;
mod trail;
mod two_nodes;
mod wrong_clock;
