use std::marker::PhantomData;

use portcullis_access::{Asked, Word};
use portcullis_domain::AccountId;

use crate::guard::AccountText;
use crate::{Claims, Guard, Refusal};

/// A caller whose role may do action `A` to resource `R`, whoever's it is. An extractor of actix-web
/// and axum.
///
/// A grant with a condition never lets anybody through here, because a signature has no context:
/// take [`Ask`] for those.
#[derive(Clone, Debug)]
pub struct Require<R, A> {
    /// Who calls.
    pub claims: Claims,
    /// The proof, to hand on.
    pub permit: Permit<R, A>,
}

/// A caller about whom the handler must ask, because whether they may depends on the resource. An
/// extractor of actix-web and axum; elsewhere [`Guard::ask`] gives one.
///
/// By itself it lets every signed-in caller through: nothing is decided until one of its methods
/// gives a [`Permit`].
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
    /// Who calls.
    pub claims: Claims,
    guard: Guard,
    question: PhantomData<fn() -> (R, A)>,
}

/// Proof that the matrix allowed action `A` on resource `R`.
///
/// Nothing else makes one, so a function that takes it cannot be called without asking first.
#[derive(Clone, Copy, Debug)]
pub struct Permit<R, A>(PhantomData<fn() -> (R, A)>);

impl Guard {
    /// The question whether this caller may do action `A` to resource `R`, where no extractor asks
    /// it: in a tonic service, for one.
    pub fn ask<R: Word, A: Word>(&self, caller: Claims) -> Ask<R, A> {
        Ask::new(self.clone(), caller)
    }
}

impl<R: Word, A: Word> Ask<R, A> {
    const fn new(guard: Guard, claims: Claims) -> Self {
        Self { claims, guard, question: PhantomData }
    }

    /// May they, the resource being this account's?
    pub fn owned_by(&self, owner: AccountId) -> Result<Permit<R, A>, Refusal> {
        self.decide(&Asked::default().owned_by(AccountText::of(owner).as_str()))
    }

    /// May they, these accounts taking part in the resource?
    pub fn between(&self, parties: &[AccountId]) -> Result<Permit<R, A>, Refusal> {
        let parties: Vec<String> = parties.iter().map(ToString::to_string).collect();
        self.decide(&Asked::default().between(&parties))
    }

    /// May they, in a context with owner and parties both, or with attributes? See
    /// [`Guard::permit`] for how to spell an account.
    pub fn decide(&self, asked: &Asked<'_>) -> Result<Permit<R, A>, Refusal> {
        self.guard.permit(&self.claims, R::WORD, A::WORD, asked).map(|()| Permit(PhantomData))
    }

    /// May they, whoever's the resource is?
    pub fn require(self) -> Result<Require<R, A>, Refusal> {
        let permit = self.decide(&Asked::default())?;
        Ok(Require { claims: self.claims, permit })
    }
}
