//! Times in requests: RFC 3339, with any offset.

use std::fmt;

use portcullis_domain::Timestamp;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A time of a request, from 1970 to the end of 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Time {
    /// Parses the form that [`Timestamp`] prints, and every other form of RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let time = text.parse::<jiff::Timestamp>().ok()?;
        let time = Timestamp::from_micros(time.as_microsecond());
        (Timestamp::from_micros(0)..=Timestamp::NEVER).contains(&time).then_some(Self(time))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
        Time::parse(text).ok_or_else(|| E::custom("not a time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_within_what_both_databases_hold() {
        for (text, seconds) in [
            ("2027-01-15T08:00:00Z", 1_800_000_000),
            ("2027-01-15T09:00:00+01:00", 1_800_000_000),
            ("1970-01-01T00:00:00Z", 0),
            ("9999-12-30T22:00:00Z", 253_402_207_200),
        ] {
            assert_eq!(Time::parse(text), Some(Time(Timestamp::from_seconds(seconds))), "{text}");
        }
        for text in ["", "yesterday", "2027-01-15", "12", "1969-12-31T23:59:59Z", "1800000000"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
