//! `/console/admin/signing-keys`: the keys that sign access tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_flows::access::permission;
use portcullis_flows::node::signing_key::{ActivationDelay, KeyRing, KeyState, SharedKeyState};
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Problem, Route, blocking};
use serde::Deserialize;

use crate::form::Faults;
use crate::moment::Moment;
use crate::page::{Frame, Person, page, refused, see, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "signing_keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    algorithm: &'static str,
    may_change: bool,
    has_pairs: bool,
    keys: Vec<Item>,
}

/// A key in the list.
struct Item {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    is_signing: bool,
    is_over: bool,
    created_at: Option<Moment>,
    signs_from: Option<Moment>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::SigningKeys.path(),
    guard: Guard::permitted(Section::SigningKeys.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the keys.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    page(&keys_page(&person, &request, &site).await?)
}

async fn keys_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
) -> Result<KeysPage<'a>, Problem> {
    const SHARED: &str = "HS256";
    let ring = shared::<KeyRing>(request)?;
    let algorithm = ring.algorithm();
    let read = move || Ok::<_, Problem>((ring.keys().list(algorithm)?, ring.keys().shared_keys()?));
    let (pairs, shared_keys) = blocking(read).await?;
    let pairs = pairs.into_iter().map(|(key, state)| Item {
        kid: key.public.kid().to_owned(),
        algorithm: key.public.algorithm().name(),
        state: state.as_str(),
        is_signing: state == KeyState::Signing,
        is_over: state == KeyState::Retired,
        created_at: Some(Moment(key.created_at)),
        signs_from: Some(Moment(key.signs_from)),
    });
    let shared_keys = shared_keys.into_iter().map(|(kid, state)| Item {
        kid,
        algorithm: SHARED,
        state: state.as_str(),
        is_signing: state == SharedKeyState::Signing,
        is_over: state == SharedKeyState::Ended,
        created_at: None,
        signs_from: None,
    });
    Ok(KeysPage {
        frame: Frame::of(person, site, ENGLISH.keys_title, LIST.path),
        faults: Faults::default(),
        algorithm: algorithm.map_or(SHARED, |algorithm| algorithm.name()),
        may_change: person.may(request, permission::CHANGE_SIGNING_KEYS)?,
        has_pairs: algorithm.is_some(),
        keys: pairs.chain(shared_keys).collect(),
    })
}

/// The form of a new key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationForm {
    now: Option<String>,
}

pub(crate) const ROTATE: Route = Route {
    method: Method::Post,
    path: "/console/admin/signing-keys/rotate",
    guard: Guard::permitted(&[permission::READ_SERVER, permission::CHANGE_SIGNING_KEYS]).recent(),
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::NoKeyPairs,
        Code::TooManyKeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..LIST
};

/// Makes a new key pair, which replaces the signing one after five minutes, or at once.
pub(crate) async fn rotate(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    ring: web::Data<KeyRing>,
    form: Form<RotationForm>,
) -> Result<HttpResponse, Problem> {
    let delay = if form.0.now.is_some() { ActivationDelay::Least } else { ActivationDelay::Full };
    let principal = person.principal.clone();
    let rotate = move || {
        let algorithm = ring.algorithm().ok_or(Problem::new(Code::NoKeyPairs))?;
        ring.keys().rotate(algorithm, delay, &principal).map(drop).map_err(Problem::from)
    };
    answer(blocking(rotate).await, &person, &request, &site).await
}

/// The form of one key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KidForm {
    kid: String,
    #[expect(dead_code, reason = "a form without it is refused")]
    confirmed: String,
}

pub(crate) const RETIRE: Route = Route {
    path: "/console/admin/signing-keys/retire",
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::KeySigns,
        Code::KeyRetired,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..ROTATE
};

/// Retires a key, whose tokens are refused from then on.
pub(crate) async fn retire(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    ring: web::Data<KeyRing>,
    form: Form<KidForm>,
) -> Result<HttpResponse, Problem> {
    let (kid, principal) = (form.0.kid, person.principal.clone());
    let retired = blocking(move || ring.keys().retire(&kid, &principal)).await;
    answer(retired, &person, &request, &site).await
}

async fn answer(
    result: Result<(), Problem>,
    person: &Person,
    request: &HttpRequest,
    site: &Site,
) -> Result<HttpResponse, Problem> {
    match result {
        Ok(()) => Ok(see(LIST.path)),
        Err(problem) => {
            let shown = keys_page(person, request, site).await?;
            refused(&problem, &KeysPage { faults: Faults::of(&problem), ..shown })
        }
    }
}
