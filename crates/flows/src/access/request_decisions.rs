//! The decisions of one request: each question with its answer, ready to be recorded.

use std::sync::Arc;

use portcullis_access::{Decision, DecisionContext, Parties};
use portcullis_audit::{DecisionRecord, Origin};
use portcullis_domain::{Account, AccountId, Role, Timestamp};

use crate::access::matrix::MatrixInForce;
use crate::access::question::{Attributes, Question};
use crate::principal::Principal;

/// The decisions of one request.
#[derive(Debug)]
pub struct RequestDecisions {
    /// The time of the decisions.
    pub at: Timestamp,
    /// The principal that asked.
    pub principal: Principal,
    /// The account of the principal.
    pub account: AccountId,
    /// The matrix that was evaluated.
    pub matrix: Arc<MatrixInForce>,
    /// The questions with their answers.
    pub decisions: Vec<AnsweredQuestion>,
    /// True if the first decision is about asking on behalf of others.
    pub(crate) begins_with_on_behalf: bool,
}

/// One question with its answer.
#[derive(Debug)]
pub struct AnsweredQuestion {
    /// The question.
    pub question: Question,
    /// The role of the subject at that time.
    pub role: Option<Role>,
    /// The answer.
    pub evaluation: Evaluation,
}

/// The result of evaluating one question.
#[derive(Clone, Copy, Debug)]
pub enum Evaluation {
    /// The decision of the matrix.
    Matrix(Decision),
    /// The subject is allowed nothing, for this reason.
    Refused(&'static str),
}

impl Evaluation {
    /// True if the subject is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Matrix(decision) if decision.is_allowed())
    }
}

impl RequestDecisions {
    pub(crate) fn decide_own(&mut self, question: Question, subject: &str) {
        let role = self.principal.role.clone();
        let is_in_scope = self
            .principal
            .api_key()
            .is_none_or(|(_, scope)| scope.covers(&question.resource, &question.action));
        let evaluation = if is_in_scope {
            self.ask(&question, subject, role.as_ref())
        } else {
            Evaluation::Refused(OUT_OF_SCOPE)
        };
        self.decisions.push(AnsweredQuestion { question, role, evaluation });
    }

    pub(crate) fn decide_for(
        &mut self,
        question: Question,
        id: AccountId,
        account: Option<&Account>,
    ) {
        let evaluation = match account {
            None => Evaluation::Refused(NO_ACCOUNT),
            Some(account) if !account.is_active => Evaluation::Refused(DEACTIVATED),
            Some(account) if account.is_blocked => Evaluation::Refused(BLOCKED),
            Some(account) => self.ask(&question, &id.to_string(), Some(&account.role)),
        };
        let role = account.map(|account| account.role.clone());
        self.decisions.push(AnsweredQuestion { question, role, evaluation });
    }

    /// Evaluates one question. A subject without a role has no grant: no matrix has a role without
    /// a name.
    fn ask(&self, question: &Question, subject: &str, role: Option<&Role>) -> Evaluation {
        let Question { resource, action, context, .. } = question;
        let (owner, parties) = (context.owner_account(), context.party_accounts());
        let attributes = context.attributes.as_ref().and_then(Attributes::members);
        let context = DecisionContext {
            subject,
            owner: owner.as_deref(),
            parties: parties.as_deref().map(Parties::from),
            attributes: attributes.as_ref(),
        };
        let role = role.map_or("", Role::as_str);
        Evaluation::Matrix(self.matrix.matrix.decide_words(role, resource, action, &context))
    }

    /// Bytes of all texts that callers gave: roughly the size of the record, however often a text
    /// repeats.
    pub(crate) fn text_bytes(&self) -> usize {
        let Origin { user_agent, request_id, .. } = &self.principal.origin;
        let client: usize = [user_agent, request_id].into_iter().flatten().map(String::len).sum();
        client + self.decisions.iter().map(|it| it.question.text_bytes()).sum::<usize>()
    }

    /// Bytes of memory beside these texts.
    pub(crate) fn bytes_without_text(&self) -> usize {
        let each = size_of::<AnsweredQuestion>() + ALLOCATIONS;
        size_of::<Self>().saturating_add(self.decisions.len().saturating_mul(each))
    }

    /// One decision as it is recorded.
    pub(crate) fn record<'r>(
        &'r self,
        decided: &'r AnsweredQuestion,
        reason: &'r str,
    ) -> DecisionRecord<'r> {
        let Question { resource, action, subject, context } = &decided.question;
        let Origin { address, user_agent, request_id } = &self.principal.origin;
        DecisionRecord {
            at: self.at,
            caller: self.account,
            session: self.principal.session(),
            address: *address,
            user_agent: user_agent.as_deref(),
            request_id: request_id.as_deref(),
            subject: subject.unwrap_or(self.account),
            role: decided.role.as_ref().map_or("", Role::as_str),
            resource,
            action,
            owner: context.owner.as_deref(),
            parties: context.parties.as_ref().map(|all| all.iter().map(String::as_str).collect()),
            attributes: context.attributes.as_ref().map(Attributes::as_str),
            matrix_version: self.matrix.version,
            allowed: decided.evaluation.is_allowed(),
            reason,
        }
    }
}

const NO_ACCOUNT: &str = "denied: there is no such account";
const DEACTIVATED: &str = "denied: the account is deactivated";
const BLOCKED: &str = "denied: the account is blocked";
const OUT_OF_SCOPE: &str = "denied: outside the scope of the API key";

/// Returns whether a recorded answer with this reason is one of the matrix. A replay leaves out the others,
/// which no matrix would change.
pub fn is_of_matrix(reason: &str) -> bool {
    let other = [NO_ACCOUNT, DEACTIVATED, BLOCKED, OUT_OF_SCOPE];
    !other.iter().any(|beginning| reason.starts_with(beginning))
}

/// Bytes that the allocator needs for the texts of one decision beside the texts, roughly.
const ALLOCATIONS: usize = 64;
