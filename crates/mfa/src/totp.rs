//! TOTP (RFC 6238): seeds, codes, and the step that a code belongs to.
//!
//! SHA-1, 6 digits and steps of 30 seconds are what every authenticator app supports. A code is
//! accepted in its own step and one step before and after, and never at or before the last accepted
//! step (RFC 6238 section 5.2).

use std::fmt;

use portcullis_domain::{SecretString, SecureRandom, Timestamp};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The shared secret of one authenticator app: 160 bits, as RFC 4226 section 4 recommends.
///
/// It prints as redacted and is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TotpSeed([u8; SEED_BYTES]);

/// A time step: the number of whole periods of 30 seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotpStep(u64);

pub(crate) const SEED_BYTES: usize = 20;
const PERIOD: u64 = 30;
const DIGITS: u8 = 6;

/// The number of steps before and after the present one whose codes are accepted.
const WINDOW: u64 = 1;

impl TotpSeed {
    /// Generates a seed.
    pub fn generate(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0; SEED_BYTES];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Wraps the bytes of a seed.
    pub const fn from_bytes(bytes: [u8; SEED_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; SEED_BYTES] {
        &self.0
    }

    /// The seed in base32 (RFC 4648), to be typed into an app that cannot read the QR code.
    pub fn to_base32(&self) -> SecretString {
        SecretString::from(self.totp().secret().to_base32())
    }

    /// The step whose code this is, if it is in the window at `now` and after `last`, the last
    /// accepted step. Exactly six digits are a code, without spaces.
    pub fn verify(&self, code: &str, now: Timestamp, last: Option<TotpStep>) -> Option<TotpStep> {
        let totp = self.totp();
        let present = TotpStep::at(now).0;
        (present.saturating_sub(WINDOW)..=present.saturating_add(WINDOW))
            .map(TotpStep)
            .filter(|step| last.is_none_or(|last| *step > last))
            // The library compares in constant time; the step that matches is no secret.
            .find(|step| totp.check(code, step.start()).is_some())
    }

    /// The code at this time.
    pub fn code_at(&self, now: Timestamp) -> SecretString {
        SecretString::from(self.totp().generate(TotpStep::at(now).start()).to_string())
    }

    /// The algorithm with this seed, without a window: `verify` tries the steps itself.
    fn totp(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(0)
            .with_step_duration(PERIOD)
            .with_secret(self.0)
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSeed([REDACTED])")
    }
}

impl TotpStep {
    /// The step of this time; a time before 1970 counts as 1970.
    pub fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_seconds()).unwrap_or(0) / PERIOD)
    }

    /// Wraps a stored number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number to store.
    pub const fn number(self) -> u64 {
        self.0
    }

    const fn start(self) -> u64 {
        self.0.saturating_mul(PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{ExposeSecret, SystemRandom};
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_005);

    fn step(offset: i64) -> TotpStep {
        TotpStep(TotpStep::at(NOW).0.checked_add_signed(offset).unwrap())
    }

    fn code(seed: &TotpSeed, offset: i64) -> SecretString {
        let seconds = NOW.as_seconds() + offset * 30;
        seed.code_at(Timestamp::from_seconds(seconds))
    }

    #[test]
    fn a_code_is_accepted_in_its_own_step_and_one_step_beside_it() {
        let seed = TotpSeed::from_bytes(*b"behaviour-secret-20b");
        for offset in -3..=3 {
            let found = seed.verify(code(&seed, offset).expose_secret(), NOW, None);
            assert_eq!(found, (-1..=1).contains(&offset).then(|| step(offset)), "{offset}");
        }
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let seed = TotpSeed::from_bytes(*b"behaviour-secret-20b");
        let right = code(&seed, 0).expose_secret().to_owned();
        let (start, end) = right.split_at(3);
        let forms = [
            format!(" {right}"),
            format!("{right} "),
            format!("{start} {end}"),
            format!("0{right}"),
            format!("+{}", &right[1..]),
            right
                .chars()
                .map(|digit| char::from_u32(0x0660 + u32::from(digit) - 48).unwrap())
                .collect(),
            String::new(),
        ];
        for text in forms {
            assert_eq!(seed.verify(&text, NOW, None), None, "{text:?}");
        }
    }

    #[test]
    fn a_code_that_two_steps_share_counts_for_the_step_that_is_left() {
        // Found by search: the first and the last step of the window have the same code.
        let mut bytes = [0; SEED_BYTES];
        bytes[..8].copy_from_slice(&668_495_u64.to_be_bytes());
        let seed = TotpSeed::from_bytes(bytes);
        assert_eq!(code(&seed, -1).expose_secret(), code(&seed, 1).expose_secret());
        let code = code(&seed, 1);
        assert_eq!(seed.verify(code.expose_secret(), NOW, None), Some(step(-1)));
        assert_eq!(seed.verify(code.expose_secret(), NOW, Some(step(-1))), Some(step(1)));
        assert_eq!(seed.verify(code.expose_secret(), NOW, Some(step(1))), None);
    }

    #[test]
    fn a_seed_is_random_and_prints_nothing_of_itself() {
        let (one, other) = (TotpSeed::generate(&SystemRandom), TotpSeed::generate(&SystemRandom));
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(format!("{one:?}"), "TotpSeed([REDACTED])");
        assert_eq!(one.to_base32().expose_secret().len(), 32);
    }

    proptest! {
        /// Whatever is tried and when, an accepted step is later than every accepted one before it.
        #[test]
        fn accepted_steps_only_rise(tries in prop::collection::vec((0_i64..600, -3_i64..=3), 1..200)) {
            let seed = TotpSeed::from_bytes(*b"behaviour-secret-20b");
            let mut last = None;
            for (seconds, offset) in tries {
                let now = Timestamp::from_seconds(1_800_000_000 + seconds);
                let typed = Timestamp::from_seconds(now.as_seconds() + offset * 30);
                let code = seed.code_at(typed);
                if let Some(step) = seed.verify(code.expose_secret(), now, last) {
                    prop_assert!(last.is_none_or(|last| step > last));
                    prop_assert!(step.0.abs_diff(TotpStep::at(now).0) <= WINDOW);
                    last = Some(step);
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*", seconds in any::<i64>(), last in any::<u64>()) {
            let seed = TotpSeed::from_bytes([0; SEED_BYTES]);
            let _ = seed.verify(&text, Timestamp::from_seconds(seconds), Some(TotpStep(last)));
        }
    }
}
