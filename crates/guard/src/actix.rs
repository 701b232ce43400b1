//! Extractors for actix-web, which say in a handler's signature who may call it.
//!
//! Each finds the [`Guard`] in the application data, where `web::Data::new(guard)` puts it; without
//! one every request is refused. Extractors run before the handler and in the order of its
//! arguments, so put them first.
//!
//! The line for the log of a refused request is its error:
//! `response.response().error().map(ToString::to_string)` in a middleware.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use portcullis_access::{Asked, Word};
use portcullis_domain::AccountId;

use crate::guard::AccountText;
use crate::problem::Problem;
use crate::{Claims, Denied, Guard, Refusal};

/// A caller whose role may do action `A` to resource `R`, whoever's it is.
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

/// A caller about whom the handler must ask, because whether they may depends on the resource.
///
/// By itself it lets every signed-in caller through: nothing is decided until one of its methods
/// gives a [`Permit`].
///
/// ```
/// # use actix_web::web;
/// # use portcullis_guard::{Denied, actix::{Ask, Permit}, domain::AccountId};
/// # mod words { portcullis_access::access_words!("../../config/access_matrix.toml"); }
/// # use words::{actions::Approve, resources::Absence};
/// # struct Absences(std::collections::HashMap<u32, AccountId>);
/// # impl Absences {
/// #     fn owner_of(&self, id: u32) -> Result<AccountId, actix_web::Error> {
/// #         self.0.get(&id).copied().ok_or_else(|| actix_web::error::ErrorNotFound("no absence"))
/// #     }
/// #     fn approve(&self, _: u32, _: Permit<Absence, Approve>) {}
/// # }
/// async fn approve(
///     ask: Ask<Absence, Approve>,
///     id: web::Path<u32>,
///     absences: web::Data<Absences>,
/// ) -> Result<&'static str, actix_web::Error> {
///     let permit = ask.owned_by(absences.owner_of(*id)?)?;
///     absences.approve(*id, permit);
///     Ok("approved")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Ask<R, A> {
    /// Who calls.
    pub claims: Claims,
    guard: web::Data<Guard>,
    question: PhantomData<fn() -> (R, A)>,
}

/// Proof that the matrix allowed action `A` on resource `R`.
///
/// Nothing else makes one, so a function that takes it cannot be called without asking first.
#[derive(Clone, Copy, Debug)]
pub struct Permit<R, A>(PhantomData<fn() -> (R, A)>);

impl<R: Word, A: Word> Ask<R, A> {
    /// May they, the resource being this account's?
    pub fn owned_by(&self, owner: AccountId) -> Result<Permit<R, A>, Denied> {
        self.decide(&Asked::default().owned_by(AccountText::of(owner).as_str()))
    }

    /// May they, these accounts taking part in the resource?
    pub fn between(&self, parties: &[AccountId]) -> Result<Permit<R, A>, Denied> {
        let parties: Vec<String> = parties.iter().map(ToString::to_string).collect();
        self.decide(&Asked::default().between(&parties))
    }

    /// May they, in a context with owner and parties both, or with attributes? See
    /// [`Guard::permit`] for how to spell an account.
    pub fn decide(&self, asked: &Asked<'_>) -> Result<Permit<R, A>, Denied> {
        permit(&self.guard, &self.claims, asked)
    }
}

impl<R: Word, A: Word> FromRequest for Require<R, A> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(guard(request).and_then(|guard| {
            let claims = authenticate(guard, request)?;
            let permit = permit(guard, &claims, &Asked::default())?;
            Ok(Self { claims, permit })
        }))
    }
}

impl<R: Word, A: Word> FromRequest for Ask<R, A> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(guard(request).and_then(|guard| {
            let claims = authenticate(guard, request)?;
            Ok(Self { claims, guard: guard.clone(), question: PhantomData })
        }))
    }
}

impl FromRequest for Claims {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(guard(request).and_then(|guard| authenticate(guard, request)))
    }
}

fn guard(request: &HttpRequest) -> Result<&web::Data<Guard>, Refusal> {
    request.app_data().ok_or(Refusal::NoGuard)
}

fn authenticate(guard: &Guard, request: &HttpRequest) -> Result<Claims, Refusal> {
    guard.authenticate(request.headers().get_all(AUTHORIZATION).map(AsRef::as_ref))
}

fn permit<R: Word, A: Word>(
    guard: &Guard,
    claims: &Claims,
    asked: &Asked<'_>,
) -> Result<Permit<R, A>, Denied> {
    guard.permit(claims, R::WORD, A::WORD, asked).map(|()| Permit(PhantomData))
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        status(&Problem::from(self))
    }

    fn error_response(&self) -> HttpResponse {
        answer(&Problem::from(self))
    }
}

impl ResponseError for Denied {
    fn status_code(&self) -> StatusCode {
        status(&Problem::FORBIDDEN)
    }

    fn error_response(&self) -> HttpResponse {
        answer(&Problem::FORBIDDEN)
    }
}

fn answer(problem: &Problem) -> HttpResponse {
    let mut response = HttpResponse::build(status(problem));
    response.insert_header((CONTENT_TYPE, "application/problem+json"));
    if let Some(challenge) = problem.challenge {
        response.insert_header((WWW_AUTHENTICATE, challenge));
    }
    response.json(problem)
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
