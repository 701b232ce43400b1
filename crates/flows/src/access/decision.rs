//! Permission checks: evaluates questions against the active access matrix and records every
//! decision. Services ask over HTTP; the server asks about its own routes.
//!
//! Every question is answered by the access matrix in force. Every answer is recorded with its
//! reason, before or shortly after it is given. The caller gets the answer and an id; auditors can
//! read the reason.

mod answer;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::DecisionId;
use portcullis_domain::{AccountId, Clock};

use self::answer::AnswersWithoutIds;
pub use self::answer::{Answer, DecisionError};
use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::access::permission::ON_BEHALF;
pub use crate::access::question::{Attributes, Context, Question};
pub use crate::access::request_decisions::{
    AnsweredQuestion, Evaluation, RequestDecisions, is_of_matrix,
};
use crate::audit::recording::{NotRecorded, Recorder, Ticket};
use crate::identity::account::{Accounts, CachedAccount};
use crate::principal::Principal;

/// Answers permission checks and records the decisions.
pub struct Decisions {
    matrix: Arc<ActiveMatrix>,
    accounts: Arc<Accounts>,
    recorder: Arc<Recorder>,
    clock: Arc<dyn Clock>,
}

/// A request that cannot be answered without waiting.
#[derive(Debug)]
pub enum Pending {
    /// An account has to be read first: [`Decisions::read`].
    Decision(PendingDecision),
    /// The answers have to be stored first: [`Decisions::record`].
    Record(PendingRecord),
}

/// A request about accounts that have not been read recently.
#[derive(Debug)]
pub struct PendingDecision(Box<Request>);

/// Answers that no caller has received yet.
#[derive(Debug)]
pub struct PendingRecord(Box<RequestDecisions>);

#[derive(Debug)]
struct Request {
    principal: Principal,
    /// The account of the principal.
    account: AccountId,
    questions: Vec<Question>,
}

impl Decisions {
    /// Creates the use case from its dependencies.
    pub fn new(
        matrix: Arc<ActiveMatrix>,
        accounts: Arc<Accounts>,
        recorder: Arc<Recorder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { matrix, accounts, recorder, clock }
    }

    /// The recorder of the answers.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Answers at once, in the order of the questions, or returns what has to wait. Never blocks.
    pub fn at_once(
        &self,
        principal: Principal,
        questions: Vec<Question>,
    ) -> Result<Result<Vec<Answer>, DecisionError>, Pending> {
        let Some(account) = principal.account() else { return Ok(Err(DecisionError::NoAccount)) };
        let recent = |id| self.accounts.recent(id).map(Some).ok_or(());
        let batch = self
            .rule(Request { principal, account, questions }, recent)
            .map_err(|(request, ())| Pending::Decision(request))?;
        let answers = AnswersWithoutIds::of(&batch);
        match self.recorder.try_record(batch) {
            Ok(first) => Ok(answers.numbered_from(first)),
            Err(batch) => Err(Pending::Record(PendingRecord(batch))),
        }
    }

    /// Reads the accounts that the questions are about, and answers. Blocks.
    pub fn read(&self, request: PendingDecision) -> Result<PendingRecord, StoreError> {
        let read = |id| match self.accounts.recent(id) {
            Some(account) => Ok(Some(account)),
            None => self.accounts.read(id),
        };
        let batch = self.rule(*request.0, read).map_err(|(_, error)| error)?;
        Ok(PendingRecord(batch))
    }

    /// Records the answers, and passes them to `answer` once they are stored, or at once if the
    /// recording policy allows it. Never blocks. `answer` is not called after the ticket is
    /// dropped, unless the answers are being written already.
    pub fn record(
        &self,
        record: PendingRecord,
        answer: impl FnOnce(Result<Vec<Answer>, DecisionError>) + Send + 'static,
    ) -> Result<Option<Ticket>, NotRecorded> {
        let answers = AnswersWithoutIds::of(&record.0);
        match self.recorder.try_record(record.0) {
            Ok(first) => {
                answer(answers.numbered_from(first));
                Ok(None)
            }
            Err(batch) => {
                let notify = move |outcome: Result<DecisionId, NotRecorded>| {
                    let first = outcome.map_err(DecisionError::from);
                    answer(first.and_then(|first| answers.numbered_from(first)));
                };
                self.recorder.enqueue(batch, Box::new(notify)).map(Some)
            }
        }
    }

    /// Reads, answers, and waits until the answers are stored, for at most `timeout`. Blocks.
    pub fn later(&self, pending: Pending, timeout: Duration) -> Result<Vec<Answer>, DecisionError> {
        let PendingRecord(batch) = match pending {
            Pending::Record(record) => record,
            Pending::Decision(request) => self.read(request)?,
        };
        let answers = AnswersWithoutIds::of(&batch);
        let first = match self.recorder.try_record(batch) {
            Ok(first) => first,
            Err(batch) => self.recorder.record(batch, timeout)?,
        };
        answers.numbered_from(first)
    }

    /// Evaluates the questions against the matrix. If a question names another subject than the
    /// caller, the first decision is whether the caller may ask on behalf of others; if not,
    /// nothing else is decided.
    fn rule<E>(
        &self,
        Request { principal, account, questions }: Request,
        find: impl Fn(AccountId) -> Result<Option<Arc<CachedAccount>>, E>,
    ) -> Result<Box<RequestDecisions>, (PendingDecision, E)> {
        let mut batch = Box::new(RequestDecisions {
            at: self.clock.now(),
            matrix: self.matrix.load(),
            decisions: Vec::with_capacity(questions.len()),
            begins_with_on_behalf: false,
            principal,
            account,
        });
        let about_others = |question: &Question| question.subject.is_some_and(|id| id != account);
        let own_subject = account.to_string();
        if questions.iter().any(about_others) {
            let (resource, action) = ON_BEHALF;
            batch.begins_with_on_behalf = true;
            batch.decide_own(Question::own(resource, action), &own_subject);
            if !batch.decisions.iter().all(|decided| decided.evaluation.is_allowed()) {
                return Ok(batch);
            }
        }
        let mut others = HashMap::new();
        for id in
            questions.iter().filter(|question| about_others(question)).filter_map(|it| it.subject)
        {
            if let Entry::Vacant(vacant) = others.entry(id) {
                match find(id) {
                    Ok(found) => vacant.insert(found),
                    Err(error) => {
                        let principal = batch.principal;
                        let questions = Box::new(Request { principal, account, questions });
                        return Err((PendingDecision(questions), error));
                    }
                };
            }
        }
        for question in questions {
            match question.subject.filter(|id| *id != account) {
                None => batch.decide_own(question, &own_subject),
                Some(id) => {
                    let subject = others.get(&id).and_then(Option::as_deref);
                    batch.decide_for(question, id, subject.map(Deref::deref));
                }
            }
        }
        Ok(batch)
    }
}
