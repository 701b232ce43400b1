//! Times and durations for a person.

use std::fmt;
use std::time::Duration;

use portcullis_domain::Timestamp;

/// A time on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// As in `2027-01-15 08:01:30 UTC`, for entries of a log.
    pub(crate) fn to_seconds(self) -> String {
        let text = self.0.to_string();
        match (text.get(..10), text.get(11..19)) {
            (Some(day), Some(second)) => format!("{day} {second} UTC"),
            _ => text,
        }
    }

    /// The time for a page.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    pub(crate) const fn at(time: &Timestamp) -> Self {
        Self(*time)
    }
}

/// As in `2027-01-15 08:01 UTC`. The timestamp prints as RFC 3339.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match (text.get(..10), text.get(10..11), text.get(11..16)) {
            (Some(day), Some("T"), Some(minute)) => write!(f, "{day} {minute} UTC"),
            _ => f.write_str(&text),
        }
    }
}

/// A duration in its largest whole unit.
pub(crate) fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_day_and_a_minute() {
        let moment = Moment(Timestamp::from_seconds(1_800_000_000));
        assert_eq!(moment.to_string(), "2027-01-15 08:00 UTC");
    }

    #[test]
    fn a_duration_is_written_in_its_largest_unit() {
        for (milliseconds, text) in
            [(3, "3 ms"), (2_000, "2 s"), (300_000, "5 min"), (86_400_000, "24 h")]
        {
            assert_eq!(short(Duration::from_millis(milliseconds)), text);
        }
    }
}
