//! Parser of the times that [`Timestamp`] prints.

use portcullis_domain::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// Parses RFC 3339, or whole microseconds as in `123us` for times before year -9999 and after 9999.
/// Each time has one spelling: the one that [`Timestamp`] prints.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let micros = match text.strip_suffix("us") {
        Some(micros) => micros.parse().ok()?,
        None => text.parse::<jiff::Timestamp>().ok()?.as_microsecond(),
    };
    let time = Timestamp::from_micros(micros);
    (time.to_string() == text).then_some(time)
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(source)?;
    parse(&text).ok_or_else(|| de::Error::custom("must be a time as in 2027-01-15T08:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_that_prints_reads_back(micros: i64) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "us", "1us", "yesterday", "2027-01-15", "12", "2027-01-15T08:00:00.0Z"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
