//! Pseudo-random choices, the same in every run.

use portcullis_domain::SecureRandom;
use portcullis_testkit::SeededRandom;

/// A source of choices.
pub(crate) struct RandomChoices(SeededRandom);

impl RandomChoices {
    /// The same seed gives the same choices.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&self, choices: &[&'a T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).expect("it fits").max(1);
        let index = usize::try_from(self.below(count)).expect("it fits");
        choices.get(index).copied()
    }
}
