//! Medians, percentiles and rates.

use std::time::Duration;

/// Median, minimum and maximum of some figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl FromIterator<f64> for Summary {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            least: at(0),
            most: at(last),
        }
    }
}

impl FromIterator<Duration> for Summary {
    /// The figures in seconds.
    fn from_iter<I: IntoIterator<Item = Duration>>(figures: I) -> Self {
        figures.into_iter().map(|figure| figure.as_secs_f64()).collect()
    }
}

/// The percentile of sorted figures, by nearest rank; zero for no figures.
pub(crate) fn percentile(sorted: &[Duration], per_cent: usize) -> Duration {
    let rank = (sorted.len() * per_cent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The rate per second.
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    number(count) / time.as_secs_f64()
}

/// A count as a floating-point number.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let even: Summary = [4.0, 1.0, 3.0, 2.0].into_iter().collect();
        assert_eq!(even, Summary { median: 2.5, least: 1.0, most: 4.0 });
        let odd: Summary = [9.0, 1.0, 2.0].into_iter().collect();
        assert_eq!(odd, Summary { median: 2.0, least: 1.0, most: 9.0 });
        let none: Summary = std::iter::empty::<f64>().collect();
        assert_eq!(none, Summary::default());
    }

    #[test]
    fn percentiles_are_figures_that_occurred() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted, 100), Duration::from_millis(200));
        let few = &sorted[..3];
        assert_eq!(percentile(few, 1), Duration::from_millis(1));
        assert_eq!(percentile(few, 99), Duration::from_millis(3));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn a_rate_is_a_count_over_a_time() {
        assert!((per_second(30, Duration::from_millis(1500)) - 20.0).abs() < 1e-9);
    }
}
