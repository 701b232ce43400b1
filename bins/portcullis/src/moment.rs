//! Parses points in time from the command line.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use portcullis_domain::Timestamp;

/// Parses RFC 3339, such as 2027-01-15T08:00:00Z, or a date, which means its first moment in UTC.
pub(crate) fn parse(text: &str) -> Result<Timestamp, InvalidTime> {
    let moment = text.parse::<jiff::Timestamp>().or_else(|_| {
        let midnight = text.parse::<Date>()?.to_zoned(TimeZone::UTC)?;
        Ok::<_, jiff::Error>(midnight.timestamp())
    });
    Ok(Timestamp::from_micros(moment.map_err(|_| InvalidTime)?.as_microsecond()))
}

/// The text is neither a time nor a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a time such as 2027-01-15T08:00:00Z, or a date such as 2027-01-15")]
pub(crate) struct InvalidTime;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_dates_are_read_in_utc() {
        for (text, seconds) in [
            ("2027-01-15T08:00:00Z", 1_800_000_000),
            ("2027-01-15T10:00:00+02:00", 1_800_000_000),
            ("2027-01-15", 1_799_971_200),
        ] {
            assert_eq!(parse(text), Ok(Timestamp::from_seconds(seconds)), "{text}");
        }
        for text in ["", "yesterday", "08:00", "2027-13-01", "1800000000"] {
            assert_eq!(parse(text), Err(InvalidTime), "{text}");
        }
    }
}
