//! States of quotas: the answer to one request, one state for each of its demands.

use std::ops::Deref;
use std::time::Duration;

use crate::demand::{MAX_DEMANDS, TooManyDemands};
use crate::quota::Quota;

/// The state of one quota of one subject after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// The quota.
    pub quota: Quota,
    /// Whether this quota permits the request. A request needs the permission of all its quotas.
    pub is_allowed: bool,
    /// The number of further requests that would be permitted now.
    pub remaining: u32,
    /// The time until one request more than `remaining` is permitted; zero for an unused quota.
    /// After a refusal this is the time until the same request would be permitted.
    pub reset: Duration,
}

/// The states of all demands of one request, in their order. It dereferences to a slice.
#[derive(Clone)]
pub struct States(Inner);

/// A request with one demand, the most frequent one, allocates nothing.
#[derive(Clone)]
enum Inner {
    One([QuotaState; 1]),
    Many(Box<[QuotaState]>),
}

impl States {
    /// The states in the order of the demands.
    ///
    /// # Errors
    ///
    /// [`TooManyDemands`] for more states than a request has demands.
    pub fn new(states: &[QuotaState]) -> Result<Self, TooManyDemands> {
        if states.len() > MAX_DEMANDS {
            return Err(TooManyDemands);
        }
        Ok(match states {
            [state] => Self::one(*state),
            states => Self(Inner::Many(states.into())),
        })
    }

    pub(crate) fn one(state: QuotaState) -> Self {
        Self(Inner::One([state]))
    }

    /// Whether all quotas permit the request. If not, none of them has recorded it.
    pub fn is_allowed(&self) -> bool {
        self.iter().all(|state| state.is_allowed)
    }

    /// The quotas that refuse the request.
    pub fn refused(&self) -> impl Iterator<Item = &QuotaState> {
        self.iter().filter(|state| !state.is_allowed)
    }

    /// The time after which the refused request would be permitted; `None` if it is permitted now.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refused().map(|state| state.reset).max()
    }
}

impl Deref for States {
    type Target = [QuotaState];

    fn deref(&self) -> &[QuotaState] {
        match &self.0 {
            Inner::One(state) => state,
            Inner::Many(states) => states,
        }
    }
}

impl PartialEq for States {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for States {}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A refusal, to be replaced by the state of a quota.
pub(crate) const PLACEHOLDER: QuotaState = QuotaState {
    quota: Quota::PLACEHOLDER,
    is_allowed: false,
    remaining: 0,
    reset: Duration::ZERO,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn state(is_allowed: bool, reset: u64) -> QuotaState {
        QuotaState { is_allowed, reset: Duration::from_secs(reset), ..PLACEHOLDER }
    }

    #[test]
    fn a_request_needs_the_permission_of_all_its_quotas() {
        let states = States::new(&[state(true, 90), state(false, 7), state(false, 30)]).unwrap();
        assert!(!states.is_allowed());
        assert_eq!(states.refused().count(), 2);
        assert_eq!(states.retry_after(), Some(Duration::from_secs(30)));
        let states = States::new(&[state(true, 90)]).unwrap();
        assert!(states.is_allowed());
        assert_eq!(states.retry_after(), None);
    }

    #[test]
    fn more_than_eight_states_are_refused() {
        assert!(States::new(&[PLACEHOLDER; 8]).is_ok());
        assert_eq!(States::new(&[PLACEHOLDER; 9]), Err(TooManyDemands));
    }
}
