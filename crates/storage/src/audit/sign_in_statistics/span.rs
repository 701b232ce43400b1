//! A period as whole hours or days, which the tables count, and the parts at both ends.

use portcullis_domain::Timestamp;
use portcullis_flows::audit::sign_in_statistics::{Period, Step};

/// A time span that is not empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Span {
    fn new(from: Timestamp, until: Timestamp) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    pub(super) fn covers(self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }

    /// The starts of the days of a span of whole days.
    pub(super) fn days(self) -> impl Iterator<Item = Timestamp> {
        let day = |start: &Timestamp| Some(*start + Step::Day.length());
        std::iter::successors(Some(self.from), day).take_while(move |start| self.covers(*start))
    }
}

/// The spans of a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// Whole steps, if there are any.
    pub(super) whole: Option<Span>,
    /// The rest.
    pub(super) parts: Parts,
}

/// The parts of a period that are no whole steps.
pub(super) type Parts = [Option<Span>; 2];

impl Spans {
    /// The whole steps of the period, and the parts before and after them.
    pub(super) fn split(period: &Period, step: Step) -> Self {
        let (from, until) = (step.ceil(period.from()), step.floor(period.until()));
        match Span::new(from, until) {
            None => Self::parts(period),
            whole => {
                let before = Span::new(period.from(), from);
                Self { whole, parts: [before, Span::new(until, period.until())] }
            }
        }
    }

    /// The whole period as one part.
    pub(super) fn parts(period: &Period) -> Self {
        Self { whole: None, parts: [Span::new(period.from(), period.until()), None] }
    }
}
