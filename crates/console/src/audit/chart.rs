//! Charts: stacked bars over time, and a grid of hours, in units of a picture that the page stretches.

use portcullis_domain::Timestamp;
use portcullis_flows::audit::sign_in_statistics::SignInBucket;

use crate::moment::Moment;

/// The width and the height of a chart, in its units.
pub(crate) const SIZE: (u64, u64) = (6_000, 600);

/// The outcomes with a colour of their own, the most frequent first; the others share one.
const COLOURS: usize = 5;

/// Bars over time: refusals by outcome, one on the other.
pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    /// The outcomes in the order of their colours, with their totals.
    pub(crate) series: Vec<Series>,
    /// The most refusals of a bar.
    pub(crate) most: u64,
}

/// An outcome, or all others.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) class: usize,
    pub(crate) total: u64,
}

/// A bar.
pub(crate) struct Bar {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) label: String,
    pub(crate) successes: u64,
    pub(crate) refusals: u64,
    pub(crate) parts: Vec<Part>,
}

/// The part of a bar that is one outcome.
pub(crate) struct Part {
    pub(crate) class: usize,
    pub(crate) x: u64,
    pub(crate) y: u64,
    pub(crate) width: u64,
    pub(crate) height: u64,
}

impl Chart {
    /// The chart of these buckets. Each one ends where the next one begins. Of the first and the last one, only
    /// what is within the period is counted, so their bars begin and end with it.
    pub(crate) fn of(
        buckets: &[SignInBucket],
        total: &SignInBucket,
        (from, until): (Timestamp, Timestamp),
        others: &str,
    ) -> Self {
        let mut outcomes: Vec<(&str, u64)> =
            total.refusals.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect();
        outcomes.sort_by_key(|(outcome, count)| (u64::MAX - count, outcome.to_owned()));
        let class_of = |outcome: &str| {
            let place = outcomes.iter().position(|(known, _)| *known == outcome);
            place.map_or(COLOURS, |place| place.min(COLOURS))
        };
        let most = buckets.iter().map(SignInBucket::refused).max().unwrap_or_default();
        let count = u64::try_from(buckets.len()).unwrap_or(1).max(1);
        let height = SIZE.1;
        let ends = buckets.iter().skip(1).map(|next| next.start).chain([until]);
        let bars = buckets.iter().zip(ends).zip(0_u64..).map(|((bucket, end), place)| {
            let (x, width) = place_of(place, count);
            let mut counts = [0_u64; COLOURS + 1];
            for (outcome, events) in &bucket.refusals {
                if let Some(count) = counts.get_mut(class_of(outcome)) {
                    *count += events;
                }
            }
            let mut below = 0;
            let parts = counts.iter().enumerate().filter(|(_, events)| **events > 0);
            let parts = parts.map(|(class, events)| {
                let (from, to) = (below, below + events);
                below = to;
                let (low, high) = (height * from / most.max(1), height * to / most.max(1));
                Part { class, x, y: height - high, width, height: (high - low).max(1) }
            });
            Bar {
                start: bucket.start.max(from),
                end,
                label: Moment(bucket.start).to_string(),
                successes: bucket.successes,
                refusals: bucket.refused(),
                parts: parts.collect(),
            }
        });
        let bars = bars.collect();
        let mut series: Vec<Series> = outcomes
            .iter()
            .take(COLOURS)
            .enumerate()
            .map(|(class, (name, total))| Series { name: (*name).to_owned(), class, total: *total })
            .collect();
        let rest: u64 = outcomes.iter().skip(COLOURS).map(|(_, count)| count).sum();
        if rest > 0 {
            series.push(Series { name: others.to_owned(), class: COLOURS, total: rest });
        }
        Self { bars, series, most }
    }

    /// The labels of the time axis: the first, the middle and the last bar.
    pub(crate) fn axis(&self) -> Vec<&str> {
        let places = [0, self.bars.len() / 2, self.bars.len().saturating_sub(1)];
        places.iter().filter_map(|place| Some(self.bars.get(*place)?.label.as_str())).collect()
    }
}

/// Bars of these heights over time, the highest over the whole height.
pub(crate) fn bars(values: &[u64]) -> Vec<Part> {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let count = u64::try_from(values.len()).unwrap_or(1);
    let bars = values.iter().zip(0_u64..).filter(|(value, _)| **value > 0);
    let bars = bars.map(|(value, place)| {
        let (x, width) = place_of(place, count);
        let height = (SIZE.1 * value / most).max(1);
        Part { class: 0, x, y: SIZE.1 - height, width, height }
    });
    bars.collect()
}

/// Where a bar begins, and its width. A narrow gap lies between two bars, as long as there is room for one.
fn place_of(place: u64, count: u64) -> (u64, u64) {
    let width = SIZE.0;
    let x = width * place / count;
    let right = (width * (place + 1) / count).saturating_sub(width / count / 6).max(x + 1);
    (x, right - x)
}

/// The refusals of the hours of a week.
pub(crate) struct Week {
    pub(crate) days: Vec<(&'static str, Vec<Hour>)>,
}

/// An hour of the week.
pub(crate) struct Hour {
    pub(crate) refusals: u64,
    /// 0 for none, up to 5 for the most.
    pub(crate) level: u64,
}

impl Week {
    /// Of 168 numbers, from Monday on.
    pub(crate) fn of(numbers: &[u64], days: [&'static str; 7]) -> Self {
        const LEVELS: u64 = 5;
        const HOURS: usize = 24;
        let most = numbers.iter().copied().max().unwrap_or_default().max(1);
        let hour = |refusals: &u64| Hour {
            refusals: *refusals,
            level: (refusals * LEVELS).div_ceil(most),
        };
        let rows = numbers.chunks(HOURS).map(|hours| hours.iter().map(hour).collect());
        Self { days: days.into_iter().zip(rows).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(start: i64, refusals: &[(&str, u64)]) -> SignInBucket {
        SignInBucket {
            start: Timestamp::from_seconds(start),
            successes: 1,
            refusals: refusals
                .iter()
                .map(|(outcome, count)| ((*outcome).to_owned(), *count))
                .collect(),
        }
    }

    #[test]
    fn the_highest_bar_fills_the_height_and_its_parts_lie_on_each_other() {
        let buckets =
            [bucket(0, &[("locked", 1), ("wrong_password", 3)]), bucket(60, &[("locked", 2)])];
        let total = bucket(0, &[("locked", 3), ("wrong_password", 3)]);
        let period = (Timestamp::from_seconds(20), Timestamp::from_seconds(110));
        let chart = Chart::of(&buckets, &total, period, "others");
        assert_eq!(chart.most, 4);
        let [locked, wrong] = &chart.bars[0].parts[..] else { panic!("two parts") };
        assert_eq!((locked.y + locked.height, wrong.y), (SIZE.1, 0));
        assert_eq!(wrong.y + wrong.height, locked.y);
        assert_eq!(chart.bars[1].parts[0].height, SIZE.1 / 2);
        let spans = [&chart.bars[0], &chart.bars[1]].map(|bar| (bar.start, bar.end));
        let middle = Timestamp::from_seconds(60);
        assert_eq!(spans, [(period.0, middle), (middle, period.1)]);
        assert_eq!(chart.series.iter().map(|it| it.total).sum::<u64>(), 6);
    }

    #[test]
    fn bars_stand_side_by_side_and_the_highest_fills_the_height() {
        let [low, high] = &bars(&[1, 0, 4])[..] else { panic!("a bar for each number above zero") };
        assert_eq!((low.y + low.height, low.height), (SIZE.1, SIZE.1 / 4));
        assert_eq!((high.y, high.height, high.x), (0, SIZE.1, SIZE.0 / 3 * 2));
        assert!(low.x + low.width < SIZE.0 / 3 && bars(&[]).is_empty());
    }

    #[test]
    fn rare_outcomes_share_a_colour_and_are_all_counted() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let refusals: Vec<_> = names.iter().zip(1..).map(|(name, count)| (*name, count)).collect();
        let bucket = bucket(0, &refusals);
        let period = (bucket.start, Timestamp::from_seconds(60));
        let chart = Chart::of(std::slice::from_ref(&bucket), &bucket, period, "others");
        assert_eq!(chart.series.len(), 6);
        assert_eq!(chart.series[0].name, "g", "the most frequent first");
        assert_eq!(chart.series[5].total, 1 + 2);
        assert_eq!(chart.bars[0].parts.len(), 6);
        let empty = SignInBucket { refusals: [].into(), ..bucket };
        let empty = Chart::of(&[], &empty, period, "others");
        assert!(empty.axis().is_empty() && empty.series.is_empty());
    }

    #[test]
    fn the_worst_hour_has_the_highest_level_and_a_quiet_one_the_lowest() {
        let mut numbers = [0; 168];
        (numbers[0], numbers[25], numbers[167]) = (1, 100, 50);
        let week = Week::of(&numbers, ["1", "2", "3", "4", "5", "6", "7"]);
        let level = |day: usize, hour: usize| week.days[day].1[hour].level;
        assert_eq!([level(0, 0), level(1, 1), level(6, 23), level(3, 3)], [1, 5, 3, 0]);
    }
}
