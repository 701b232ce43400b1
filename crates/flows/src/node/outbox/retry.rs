//! Delays: the time to the next attempt of a mail, and the pause of a node without a mail server.

use std::time::Duration;

use portcullis_domain::SecureRandom;

/// The longest delay of a mail. A due time that is further ahead comes from a wrong clock.
pub const LONGEST_DELAY: Duration = Duration::from_secs(3_600);

/// The delay of a mail after its first failed attempt. Each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(30);

/// The pause of a node after the first failure of the mail server, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The delay of a mail after this many failed attempts.
pub(super) fn delay(attempts: u32, random: &dyn SecureRandom) -> Duration {
    with_jitter(doubled(FIRST_DELAY, attempts, LONGEST_DELAY), random)
}

/// The pause of a node after this many consecutive failures of the mail server.
pub(super) fn pause(failures: u32, random: &dyn SecureRandom) -> Duration {
    with_jitter(doubled(FIRST_PAUSE, failures, LONGEST_PAUSE), random)
}

fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.checked_mul(factor).unwrap_or(longest).min(longest)
}

/// Shortens a delay by up to a quarter, so that mails that failed together are not due together.
fn with_jitter(delay: Duration, random: &dyn SecureRandom) -> Duration {
    let mut draw = [0];
    random.fill(&mut draw);
    let [draw] = draw;
    delay.saturating_sub(delay / 4 / 255 * u32::from(draw))
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_are_shortened_by_a_quarter_at_most() {
        let around = |delay: Duration, seconds: u64| {
            let most = Duration::from_secs(seconds);
            assert!(delay <= most && delay >= most * 3 / 4, "{delay:?} for {seconds} s");
        };
        for (attempts, seconds) in [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1_920), (8, 3_600)] {
            around(delay(attempts, &SystemRandom), seconds);
        }
        around(delay(u32::MAX, &SystemRandom), 3_600);
        for (failures, seconds) in [(1, 1), (2, 2), (6, 32), (7, 60), (u32::MAX, 60)] {
            around(pause(failures, &SystemRandom), seconds);
        }
    }

    #[test]
    fn the_default_number_of_attempts_takes_more_than_four_days() {
        let settings = super::super::DeliverySettings::default();
        let shortest: Duration = (1..settings.max_attempts)
            .map(|n| doubled(FIRST_DELAY, n, LONGEST_DELAY) * 3 / 4)
            .sum();
        assert!(shortest >= Duration::from_secs(4 * 24 * 3_600), "{shortest:?}");
    }
}
