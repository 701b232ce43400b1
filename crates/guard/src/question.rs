//! `Require`, `Ask` and `Permit`: permission checks as types in a handler's signature.

use std::marker::PhantomData;
use std::time::Duration;

use portcullis_access::{DecisionContext, Word};
use portcullis_domain::{AccountId, AssuranceLevel};

use crate::guard::AccountText;
use crate::{Claims, Guard, Refusal};

/// A caller whose role has an unconditional grant for action `A` on resource `R`. An extractor of
/// actix-web and axum.
///
/// A grant with a condition is never enough here, because a signature has no context: use [`Ask`]
/// for those.
#[derive(Clone, Debug)]
pub struct Require<R, A> {
    /// The caller.
    pub claims: Claims,
    /// The proof of the decision, to be passed on.
    pub permit: Permit<R, A>,
}

/// A caller for whom the handler must decide, because the decision depends on the resource. An
/// extractor of actix-web and axum; elsewhere [`Guard::ask`] gives one.
///
/// By itself it accepts every signed-in caller: nothing is decided until one of its methods returns
/// a [`Permit`].
///
/// ```
/// # use portcullis_guard::{Ask, Permit, Refusal, domain::AccountId};
/// # mod words { portcullis_access::access_words!("../../config/access_matrix.toml"); }
/// # use words::{actions::Approve, resources::Absence};
/// # struct Absences(Vec<AccountId>);
/// # impl Absences {
/// #     fn owner_of(&self, id: usize) -> AccountId { self.0[id] }
/// #     fn approve(&self, _: usize, _: Permit<Absence, Approve>) {}
/// # }
/// fn approve(ask: Ask<Absence, Approve>, id: usize, absences: &Absences) -> Result<(), Refusal> {
///     let permit = ask.owned_by(absences.owner_of(id))?;
///     absences.approve(id, permit);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Ask<R, A> {
    /// The caller.
    pub claims: Claims,
    guard: Guard,
    question: PhantomData<fn() -> (R, A)>,
}

/// The proof that the matrix allowed action `A` on resource `R`.
///
/// Only a decision creates one, so a function that takes it cannot be called without a check.
#[derive(Clone, Copy, Debug)]
pub struct Permit<R, A>(PhantomData<fn() -> (R, A)>);

impl Guard {
    /// Builds the question whether this caller may do action `A` on resource `R`, where there is no
    /// extractor, for example in a tonic service.
    pub fn ask<R: Word, A: Word>(&self, caller: Claims) -> Ask<R, A> {
        Ask::new(self.clone(), caller)
    }
}

impl<R: Word, A: Word> Ask<R, A> {
    const fn new(guard: Guard, claims: Claims) -> Self {
        Self { claims, guard, question: PhantomData }
    }

    /// Refuses unless the session has this assurance level; see [`Guard::require_acr`].
    pub fn require_acr(
        &self,
        level: AssuranceLevel,
        max_age: Option<Duration>,
    ) -> Result<(), Refusal> {
        self.guard.require_acr(&self.claims, level, max_age)
    }

    /// Decides for a resource that this account owns.
    pub fn owned_by(&self, owner: AccountId) -> Result<Permit<R, A>, Refusal> {
        self.decide(&DecisionContext::default().owned_by(AccountText::of(owner).as_str()))
    }

    /// Decides for a resource in which these accounts are the parties.
    pub fn between(&self, parties: &[AccountId]) -> Result<Permit<R, A>, Refusal> {
        let parties: Vec<String> = parties.iter().map(ToString::to_string).collect();
        self.decide(&DecisionContext::default().between(&parties))
    }

    /// Decides in a context with owner, parties and attributes. See [`Guard::permit`] for the
    /// spelling of an account.
    pub fn decide(&self, context: &DecisionContext<'_>) -> Result<Permit<R, A>, Refusal> {
        self.guard.permit(&self.claims, R::WORD, A::WORD, context).map(|()| Permit(PhantomData))
    }

    /// Decides without context: only an unconditional grant is enough.
    pub fn require(self) -> Result<Require<R, A>, Refusal> {
        let permit = self.decide(&DecisionContext::default())?;
        Ok(Require { claims: self.claims, permit })
    }
}
