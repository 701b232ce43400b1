//! The service under test: routes and verification of tokens.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{Error, HttpResponse, web};
use portcullis_guard::access::{DecisionContext, Matrix, Word};
use portcullis_guard::domain::{AccountId, AssuranceLevel};
use portcullis_guard::token::{SecretKey, SharedSecret};
use portcullis_guard::{Ask, Claims, Guard, Permit, Refusal, Require};

use crate::tokens::{AUDIENCE, FixedClock, ISSUER, SECRET};

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}

use words::actions::{Approve, Create, Read};
use words::resources::{Absence, Schedule, Swap, SwapRequest};

pub(crate) fn guard() -> Guard {
    let secret = SecretKey::parse(&SECRET.into()).unwrap();
    Guard::builder(ISSUER, AUDIENCE)
        .shared_secret(&SharedSecret::of(&secret))
        .matrix(Matrix::parse(words::MATRIX).unwrap())
        .clock(Arc::new(FixedClock))
        .offline()
}

pub(crate) fn routes(service: &mut web::ServiceConfig) {
    service
        .route("/me", web::get().to(me))
        .route("/secrets", web::post().to(read_secret))
        .route("/schedules", web::post().to(create_schedule))
        .route("/planets", web::post().to(create_planet))
        .route("/absences", web::post().to(approve_any_absence))
        .route("/absences/forgetful", web::post().to(approve_without_context))
        .route("/absences/of/{owner}", web::post().to(approve_absence))
        .route("/absences/of/{owner}/as/{subject}", web::post().to(approve_as_somebody))
        .route("/swaps/between/{one}/{other}", web::get().to(read_swap))
        .route("/swap-requests/of/{owner}/with/{party}", web::post().to(approve_swap_request));
}

async fn me(claims: Claims) -> String {
    format!("{} {} {}", claims.account, claims.role, claims.kind.as_str())
}

async fn read_secret(ask: Ask<Absence, Approve>) -> Result<&'static str, Refusal> {
    ask.require_acr(AssuranceLevel::Aal2, Some(Duration::from_secs(900)))?;
    Ok("secret")
}

async fn create_schedule(caller: Require<Schedule, Create>) -> HttpResponse {
    HttpResponse::Created().body(keep(caller.permit, caller.claims.account))
}

/// What takes a permit cannot be called by who has none.
fn keep(_: Permit<Schedule, Create>, author: AccountId) -> String {
    author.to_string()
}

/// A word that the matrix does not have.
struct Planet;

impl Word for Planet {
    const WORD: &'static str = "planet";
}

async fn create_planet(_: Require<Planet, Create>) -> &'static str {
    "created"
}

async fn approve_any_absence(_: Require<Absence, Approve>) -> &'static str {
    "approved"
}

async fn approve_without_context(ask: Ask<Absence, Approve>) -> Result<&'static str, Error> {
    ask.decide(&DecisionContext::default())?;
    Ok("approved")
}

async fn approve_absence(
    ask: Ask<Absence, Approve>,
    owner: web::Path<AccountId>,
) -> Result<&'static str, Error> {
    ask.owned_by(*owner)?;
    Ok("approved")
}

async fn approve_as_somebody(
    ask: Ask<Absence, Approve>,
    path: web::Path<(String, String)>,
) -> Result<&'static str, Error> {
    let (owner, subject) = path.into_inner();
    ask.decide(&DecisionContext::by(&subject).owned_by(&owner))?;
    Ok("approved")
}

async fn read_swap(
    ask: Ask<Swap, Read>,
    path: web::Path<(AccountId, AccountId)>,
) -> Result<&'static str, Error> {
    let (one, other) = path.into_inner();
    ask.between(&[one, other])?;
    Ok("read")
}

async fn approve_swap_request(
    ask: Ask<SwapRequest, Approve>,
    path: web::Path<(String, String)>,
) -> Result<&'static str, Error> {
    let (owner, party) = path.into_inner();
    ask.decide(
        &DecisionContext::default().owned_by(&owner).between(&[owner.as_str(), party.as_str()]),
    )?;
    Ok("approved")
}
