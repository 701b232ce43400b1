//! Permission checks of handlers: each answer is recorded before or shortly after it is given, and
//! a refusal carries the id of its decision.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use portcullis_flows::access::decision::{Answer, DecisionError, Decisions, Pending, Question};
use portcullis_flows::access::permission::Permission;
use portcullis_flows::audit::recording::NotRecorded;
use portcullis_flows::principal::Principal;
use tokio::sync::oneshot;

use crate::blocking::blocking;
use crate::problem::Problem;

/// The maximum wait for the recording of an answer; after it the request fails.
const RECORD_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Refuses unless all permissions are granted; for handlers whose body determines the permissions.
///
/// # Errors
///
/// [`Code::Forbidden`](crate::Code::Forbidden) with the id of the decision, and the errors of
/// recording.
pub async fn permit(
    decisions: &Arc<Decisions>,
    principal: &Principal,
    needed: &[Permission],
) -> Result<(), Problem> {
    let questions = needed.iter().map(|(resource, action)| Question::own(resource, action));
    let answers = decide(decisions, principal.clone(), questions.collect()).await?;
    match answers.iter().find(|answer| !answer.allowed) {
        Some(refused) => Err(Problem::forbidden(refused.decision)),
        None => Ok(()),
    }
}

/// Decides and records, without the blocking pool if nothing has to wait.
///
/// # Errors
///
/// Those of [`DecisionError`].
pub async fn decide(
    decisions: &Arc<Decisions>,
    principal: Principal,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, Problem> {
    match decisions.at_once(principal, questions) {
        Ok(answers) => Ok(answers?),
        Err(pending) => stored(decisions, pending).await,
    }
}

/// Waits until the answers are stored. A request that is cancelled or times out leaves the queue.
///
/// # Errors
///
/// Those of [`DecisionError`].
pub async fn stored(decisions: &Arc<Decisions>, pending: Pending) -> Result<Vec<Answer>, Problem> {
    let record = match pending {
        Pending::Record(record) => record,
        Pending::Decision(request) => {
            let decisions = decisions.clone();
            blocking(move || decisions.read(request)).await?
        }
    };
    let (send, receive) = oneshot::channel();
    let ticket = decisions.record(record, move |outcome| drop(send.send(outcome)));
    let ticket = ticket.map_err(DecisionError::from)?;
    let outcome = rt::time::timeout(RECORD_TIMEOUT, receive).await;
    drop(ticket);
    match outcome {
        Ok(Ok(answers)) => Ok(answers?),
        _ => Err(DecisionError::from(NotRecorded::TimedOut).into()),
    }
}
