//! Measures a subject and a baseline in turn: A B A B …
//!
//! The speed of a shared machine varies from minute to minute. Consecutive rounds run at about the same
//! speed, so each pair gives a ratio, and the result is median and spread of the ratios.

use std::time::Duration;

use tokio::time::Instant;

use crate::outcome::Result;
use crate::statistics::{Summary, per_second, percentile};

/// Work whose rate is measured.
pub(crate) trait MeasuredWork {
    /// Works at full speed for the given time.
    async fn round(&mut self, length: Duration) -> Result<Round>;
}

/// The result of one round.
#[derive(Debug)]
pub(crate) struct Round {
    /// Operations per second.
    pub rate: f64,
    /// The latency of each operation, if known.
    pub latencies: Vec<Duration>,
}

/// The time in which answers count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub opens: Instant,
    pub closes: Instant,
}

/// The result of all rounds.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub subject: Summary,
    pub baseline: Summary,
    /// Subject divided by baseline, for each pair.
    pub ratio: Summary,
    /// Latencies of the subject, sorted.
    pub latencies: Vec<Duration>,
}

/// Measures both in turn, after a warm-up round that does not count.
pub(crate) async fn compare(
    subject: &mut impl MeasuredWork,
    baseline: &mut impl MeasuredWork,
    rounds: u32,
    length: Duration,
) -> Result<Comparison> {
    const WARM_UP: Duration = Duration::from_secs(1);
    subject.round(WARM_UP).await?;
    baseline.round(WARM_UP).await?;
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        pairs.push((subject.round(length).await?, baseline.round(length).await?));
    }
    Ok(Comparison::of(pairs))
}

impl Comparison {
    fn of(pairs: Vec<(Round, Round)>) -> Self {
        let rates: Vec<_> =
            pairs.iter().map(|(subject, baseline)| (subject.rate, baseline.rate)).collect();
        let mut latencies: Vec<_> =
            pairs.into_iter().flat_map(|(subject, _)| subject.latencies).collect();
        latencies.sort_unstable();
        Self {
            subject: rates.iter().map(|(subject, _)| *subject).collect(),
            baseline: rates.iter().map(|(_, baseline)| *baseline).collect(),
            ratio: rates.iter().map(|(subject, baseline)| subject / baseline).collect(),
            latencies,
        }
    }

    /// The median and the 99th percentile of the subject's latency.
    pub(crate) fn latency(&self) -> (Duration, Duration) {
        (percentile(&self.latencies, 50), percentile(&self.latencies, 99))
    }
}

impl Round {
    pub(crate) fn new(count: usize, length: Duration, latencies: Vec<Duration>) -> Self {
        Self { rate: per_second(count, length), latencies }
    }
}

impl Window {
    /// A window that starts after a short time for connections and queues.
    pub(crate) fn opening_soon(length: Duration) -> Self {
        const SETTLING: Duration = Duration::from_millis(250);
        let opens = Instant::now() + SETTLING;
        Self { opens, closes: opens + length }
    }

    pub(crate) fn contains(&self, moment: Instant) -> bool {
        (self.opens..self.closes).contains(&moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted(std::vec::IntoIter<f64>);

    impl MeasuredWork for Scripted {
        async fn round(&mut self, _length: Duration) -> Result<Round> {
            let rate = self.0.next().ok_or("more rounds than were planned")?;
            Ok(Round { rate, latencies: vec![Duration::from_secs_f64(1.0 / rate)] })
        }
    }

    #[tokio::test]
    async fn ratios_are_taken_pair_by_pair_and_the_warm_up_does_not_count() {
        let mut subject = Scripted(vec![1.0, 50.0, 10.0, 20.0].into_iter());
        let mut baseline = Scripted(vec![1.0, 100.0, 40.0, 20.0].into_iter());
        let compared =
            compare(&mut subject, &mut baseline, 3, Duration::from_secs(1)).await.unwrap();
        assert_eq!(compared.subject, [50.0, 10.0, 20.0].into_iter().collect());
        assert_eq!(compared.baseline, [100.0, 40.0, 20.0].into_iter().collect());
        assert_eq!(compared.ratio, [0.5, 0.25, 1.0].into_iter().collect());
        assert_eq!(compared.latency(), (Duration::from_millis(50), Duration::from_millis(100)));
    }
}
