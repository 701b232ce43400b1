//! Demands: the quotas that one request needs, each for one subject.

use crate::key::Subject;
use crate::quota::Quota;

/// The maximum number of demands in one call.
pub const MAX_DEMANDS: usize = 8;

/// One request of a subject under a quota.
///
/// A call with several demands is all or nothing: if one is refused, none is recorded. A demand
/// that equals an earlier one of the same call counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand<'a> {
    /// The quota.
    pub quota: &'a Quota,
    /// The subject whose requests are counted.
    pub subject: Subject,
}

/// The error for a call with more than [`MAX_DEMANDS`] demands. Nothing is recorded.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request has more than {MAX_DEMANDS} demands: check fewer quotas in one call")]
pub struct TooManyDemands;

portcullis_domain::debug_as_display!(TooManyDemands);
