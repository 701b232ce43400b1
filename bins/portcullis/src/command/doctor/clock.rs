//! Compares the clock of this host with the clock of the database.

use portcullis_flows::node::clock_watch::ClockWatch;

use super::check::Check;

pub(super) const NAME: &str = "clock";

pub(super) fn check(watch: &ClockWatch) -> Check {
    match watch.compare() {
        Ok(offset) if watch.is_off() => {
            let detail = format!("the clock of this host is {offset} of that of the database");
            Check::failed(NAME, detail, "synchronize both clocks, for example by NTP")
        }
        Ok(offset) => Check::ok(NAME, format!("{offset} of that of the database")),
        Err(error) => Check::failed(NAME, error.to_string(), "see above"),
    }
}
