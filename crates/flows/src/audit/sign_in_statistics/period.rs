//! `Period`: a time range with steps that begin at whole minutes, hours or days of UTC.

use std::time::Duration;

use portcullis_domain::Timestamp;

/// The hours of a week.
pub const HOURS_OF_WEEK: usize = 168;

/// The maximum of steps in a period.
pub const MAX_BUCKETS: usize = 400;

/// The number of steps beyond which a longer step is chosen, where the caller names none.
const CHOSEN_BUCKETS: usize = 200;

/// The length of the time spans that sign-ins are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Whole minutes.
    Minute,
    /// Whole hours.
    Hour,
    /// Whole days of UTC.
    Day,
}

impl Step {
    /// All steps, the shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The name of the step.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The step of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// The length of the step.
    pub const fn length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(60 * 60),
            Self::Day => Duration::from_secs(24 * 60 * 60),
        }
    }

    fn micros(self) -> i64 {
        i64::try_from(self.length().as_micros()).unwrap_or(i64::MAX)
    }

    /// The latest start of a step that is not after this time.
    pub fn floor(self, at: Timestamp) -> Timestamp {
        let micros = at.as_micros();
        Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(self.micros())))
    }

    /// The earliest start of a step that is not before this time.
    pub fn ceil(self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        if floor == at { at } else { floor + self.length() }
    }

    /// The number of steps from one start to another one.
    fn between(self, from: Timestamp, until: Timestamp) -> usize {
        let micros = until.as_micros().saturating_sub(from.as_micros());
        usize::try_from(micros / self.micros()).unwrap_or_default()
    }
}

/// A time range that is not empty and has at most [`MAX_BUCKETS`] steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    until: Timestamp,
    step: Step,
}

/// The reason why there is no such period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The end is not after the start.
    #[error("the end is not after the start")]
    Empty,
    /// The period has more than [`MAX_BUCKETS`] of these steps.
    #[error("the period is too long")]
    TooLong(Step),
}

impl Period {
    /// From `from` until `until`, exclusive, with this step, or the shortest one that gives at most 200 steps.
    ///
    /// # Errors
    ///
    /// If the period is empty, or has too many steps.
    pub fn new(from: Timestamp, until: Timestamp, step: Option<Step>) -> Result<Self, PeriodError> {
        if from >= until {
            return Err(PeriodError::Empty);
        }
        let of = |step| Self { from, until, step };
        let is_short = |step: &Step| of(*step).len() <= CHOSEN_BUCKETS;
        let step = step.or_else(|| Step::ALL.into_iter().find(is_short)).unwrap_or(Step::Day);
        let period = of(step);
        if period.len() > MAX_BUCKETS { Err(PeriodError::TooLong(step)) } else { Ok(period) }
    }

    /// The start, inclusive.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The end, exclusive.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The step.
    pub const fn step(&self) -> Step {
        self.step
    }

    /// The starts of the steps. The first one may be before the period.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Timestamp> {
        let length = self.step.length();
        let first = self.step.floor(self.from);
        std::iter::successors(Some(first), move |start| Some(*start + length)).take(self.len())
    }

    /// The index of the step that has this time of the period.
    pub(super) fn index_of(&self, at: Timestamp) -> usize {
        self.step.between(self.step.floor(self.from), at)
    }

    fn len(&self) -> usize {
        self.step.between(self.step.floor(self.from), self.step.ceil(self.until))
    }
}

/// The hour of the week in UTC; Monday from 0 to 1 o'clock is 0.
pub(super) fn hour_of_week(at: Timestamp) -> usize {
    // The year 1970 began on a Thursday.
    const FIRST: i64 = 3 * 24;
    let hours = at.as_seconds().div_euclid(60 * 60).saturating_add(FIRST);
    let week = i64::try_from(HOURS_OF_WEEK).unwrap_or(i64::MAX);
    usize::try_from(hours.rem_euclid(week)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Friday, 08:00 UTC.
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn period(minutes: u64, step: Option<Step>) -> Result<Period, PeriodError> {
        Period::new(NOW, NOW + Duration::from_secs(60 * minutes), step)
    }

    #[test]
    fn the_step_is_the_shortest_with_at_most_two_hundred() {
        for (minutes, step) in [
            (1, Step::Minute),
            (200, Step::Minute),
            (201, Step::Hour),
            (200 * 60, Step::Hour),
            (200 * 60 + 1, Step::Day),
            (200 * 24 * 60, Step::Day),
        ] {
            assert_eq!(period(minutes, None).unwrap().step(), step, "{minutes}");
        }
    }

    #[test]
    fn a_period_has_at_most_four_hundred_steps_and_is_not_empty() {
        assert_eq!(period(0, None), Err(PeriodError::Empty));
        assert!(period(400, Some(Step::Minute)).is_ok());
        let too_long = Err(PeriodError::TooLong(Step::Minute));
        assert_eq!(period(401, Some(Step::Minute)), too_long);
        let days = period(401 * 24 * 60, None);
        assert_eq!(days, Err(PeriodError::TooLong(Step::Day)));
        let never = Period::new(Timestamp::from_seconds(0), Timestamp::NEVER, None);
        assert_eq!(never, Err(PeriodError::TooLong(Step::Day)));
    }

    #[test]
    fn steps_begin_at_whole_ones_and_cover_the_period() {
        let (from, until) = (NOW + Duration::from_micros(1), NOW + Duration::from_secs(7201));
        let period = Period::new(from, until, Some(Step::Hour)).unwrap();
        let hours = [0, 1, 2].map(|hour| NOW + Duration::from_secs(3600 * hour));
        assert_eq!(period.buckets().collect::<Vec<_>>(), hours);
        assert_eq!(period.index_of(from), 0);
        assert_eq!(period.index_of(until - Duration::from_micros(1)), 2);
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!(hour_of_week(NOW), 4 * 24 + 8);
        assert_eq!(hour_of_week(Timestamp::from_seconds(4 * 24 * 3600)), 0, "1970-01-05");
        assert_eq!(hour_of_week(Timestamp::from_seconds(4 * 24 * 3600 - 1)), 167);
    }
}
