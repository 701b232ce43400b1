//! Decisions in eight bytes.
//!
//! A decision stores the question and the result of each condition. The full explanation is
//! computed from these on demand, so that a decision itself stays cheap.

use crate::condition::ConditionResult;

/// The maximum number of conditions of one matrix, limited by the size of a decision.
pub(crate) const MAX_CONDITIONS: usize = 8;

/// The id of a word that the matrix does not contain.
pub(crate) const UNKNOWN: u16 = u16::MAX;

/// The id of an action that the matrix does not contain; see [`UNKNOWN`].
pub(crate) const UNKNOWN_ACTION: u8 = u8::MAX;

/// The result of a decision, with the data from which [`Matrix::explain`](crate::Matrix::explain)
/// computes the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    pub(crate) role: u16,
    pub(crate) resource: u16,
    pub(crate) action: u8,
    pub(crate) allowed: bool,
    pub(crate) results: ConditionResults,
}

impl Decision {
    /// Returns whether the action is allowed; everything without an explicit grant is denied.
    pub const fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// A key for caching explanations: within one matrix, equal codes have equal explanations.
    pub fn code(&self) -> u64 {
        u64::from(self.role)
            | u64::from(self.resource) << 16
            | u64::from(self.action) << 32
            | u64::from(self.results.0) << 40
            | u64::from(self.allowed) << 56
    }

    pub(crate) fn has_unknown_word(self) -> bool {
        self.role == UNKNOWN || self.resource == UNKNOWN || self.action == UNKNOWN_ACTION
    }
}

/// The condition results: two bits for each evaluated condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ConditionResults(u16);

impl ConditionResults {
    pub(crate) fn of(self, condition: u8) -> Option<ConditionResult> {
        match self.0 >> (2 * condition) & 0b11 {
            0b01 => Some(ConditionResult::Holds),
            0b10 => Some(ConditionResult::Fails),
            0b11 => Some(ConditionResult::MissingContext),
            _ => None,
        }
    }

    pub(crate) fn record(&mut self, condition: u8, result: ConditionResult) {
        let bits: u16 = match result {
            ConditionResult::Holds => 0b01,
            ConditionResult::Fails => 0b10,
            ConditionResult::MissingContext => 0b11,
        };
        self.0 |= bits << (2 * condition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Decision =
        Decision { role: 3, resource: 5, action: 7, allowed: false, results: ConditionResults(0) };

    #[test]
    fn decisions_that_differ_have_different_codes() {
        let others = [
            Decision { role: 5, ..ASKED },
            Decision { resource: 3, ..ASKED },
            Decision { action: 5, ..ASKED },
            Decision { allowed: true, ..ASKED },
            Decision { results: ConditionResults(1), ..ASKED },
            Decision { results: ConditionResults(1 << 15), ..ASKED },
        ];
        let codes = others.iter().chain([&ASKED]).map(Decision::code);
        assert_eq!(codes.collect::<std::collections::BTreeSet<_>>().len(), others.len() + 1);
    }

    #[test]
    fn any_unknown_word_is_noticed() {
        assert!(!ASKED.has_unknown_word());
        assert!(Decision { role: UNKNOWN, ..ASKED }.has_unknown_word());
        assert!(Decision { resource: UNKNOWN, ..ASKED }.has_unknown_word());
        assert!(Decision { action: UNKNOWN_ACTION, ..ASKED }.has_unknown_word());
    }

    #[test]
    fn every_condition_has_a_verdict_of_its_own() {
        let said =
            [ConditionResult::Holds, ConditionResult::Fails, ConditionResult::MissingContext];
        let mut results = ConditionResults::default();
        assert_eq!(results.of(0), None);
        for (condition, result) in (0..8).zip(said.into_iter().cycle()) {
            results.record(condition, result);
        }
        for (condition, result) in (0..8).zip(said.into_iter().cycle()) {
            assert_eq!(results.of(condition), Some(result), "{condition}");
        }
    }
}
