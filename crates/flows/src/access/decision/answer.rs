//! The answers of a permission check, and the errors in place of them.

use portcullis_audit::DecisionId;

use crate::StoreError;
use crate::access::request_decisions::RequestDecisions;
use crate::audit::recording::NotRecorded;

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// True if the subject is allowed.
    pub allowed: bool,
    /// The id of the decision, for auditors to look up.
    pub decision: DecisionId,
}

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The caller may not ask about other subjects. The id is that of this decision.
    #[error("the caller may not ask on behalf of others")]
    NotOnBehalf(DecisionId),
    /// The principal has no account, and so no role of the matrix.
    #[error("only accounts ask the access matrix")]
    NoAccount,
    /// The answer could not be recorded, so none is given.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The answers before their decisions have ids.
#[derive(Debug)]
pub(super) struct AnswersWithoutIds {
    allowed: Vec<bool>,
    begins_with_on_behalf: bool,
}

impl AnswersWithoutIds {
    pub(super) fn of(batch: &RequestDecisions) -> Self {
        Self {
            allowed: batch
                .decisions
                .iter()
                .map(|decided| decided.evaluation.is_allowed())
                .collect(),
            begins_with_on_behalf: batch.begins_with_on_behalf,
        }
    }

    pub(super) fn numbered_from(self, first: DecisionId) -> Result<Vec<Answer>, DecisionError> {
        let ids = (first.ordinal..).map(|ordinal| DecisionId { ordinal, ..first });
        let mut answers = self
            .allowed
            .into_iter()
            .zip(ids)
            .map(|(allowed, decision)| Answer { allowed, decision });
        if self.begins_with_on_behalf
            && let Some(on_behalf) = answers.next()
            && !on_behalf.allowed
        {
            return Err(DecisionError::NotOnBehalf(on_behalf.decision));
        }
        Ok(answers.collect())
    }
}
