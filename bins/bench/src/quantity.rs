//! Formats figures for the table.

use std::time::Duration;

use crate::statistics::Summary;

/// The median, with minimum and maximum in brackets.
pub(crate) fn spread(summary: Summary, unit: impl Fn(f64) -> String) -> String {
    let [median, least, most] = [summary.median, summary.least, summary.most].map(unit);
    format!("{median} ({least}–{most})")
}

pub(crate) fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// A time, with about three digits.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        10.0.. => format!("{seconds:.1} s"),
        1.0.. => format!("{seconds:.2} s"),
        0.1.. => format!("{:.0} ms", seconds * 1e3),
        0.01.. => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}

/// A size in bytes, as MiB or GiB.
pub(crate) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    if bytes < 1 << 30 {
        format!("{} MiB", tenths(1 << 20))
    } else {
        format!("{} GiB", tenths(1 << 30))
    }
}

/// A figure with three digits or more, with separators of thousands.
pub(crate) fn figure(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    grouped(&format!("{value:.0}"))
}

/// A whole number, with separators of thousands.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_about_three_digits() {
        assert_eq!(figure(9.96), "10.0");
        assert_eq!(figure(135.2), "135");
        assert_eq!(figure(1_234_567.4), "1,234,567");
        assert_eq!([count(7), count(1_000), count(12_345)], ["7", "1,000", "12,345"]);
        assert_eq!(time(Duration::from_micros(87)), "0.09 ms");
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_millis(199)), "199 ms");
        assert_eq!(time(Duration::from_millis(1_250)), "1.25 s");
        assert_eq!(size(30_724 * 1024), "30.0 MiB");
        assert_eq!(size(25 << 30), "25.0 GiB");
    }
}
