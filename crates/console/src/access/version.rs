//! `/console/admin/matrix/versions`: the versions of the matrix: propose, compare, activate, roll back.

use std::slice;

use actix_web::{HttpResponse, web};
use askama::Template;
use portcullis_flows::StoreError;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::access::permission;
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Problem, Route, blocking};
use serde::Deserialize;

use super::matrix;
use crate::form::{Faults, Field};
use crate::moment::Moment;
use crate::page::{Frame, Person, page, refused, see};
use crate::paths;
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "matrix_versions.html")]
struct VersionsPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    in_force: u32,
    revision: u64,
    matrix: &'static str,
    replay: Option<&'static str>,
    can_roll_back: bool,
    versions: Vec<Item>,
    text: Field<'a>,
}

/// A version in the list.
struct Item {
    number: u32,
    by: String,
    at: Moment,
    activated_at: Option<Moment>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: paths::MATRIX_VERSIONS,
    guard: Guard::permitted(&[permission::READ_MATRIX]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Lists the versions.
pub(crate) async fn list(
    person: Person,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    page(&versions_page(&person, &site, &matrices, "").await?)
}

async fn versions_page<'a>(
    person: &'a Person,
    site: &'a Site,
    matrices: &web::Data<Matrices>,
    typed: &'a str,
) -> Result<VersionsPage<'a>, Problem> {
    let active = matrices.active().load();
    let (in_force, revision) = (active.version, active.revision);
    let matrices = matrices.clone();
    let read = move || Ok::<_, StoreError>((matrices.versions()?, matrices.history()?));
    let (versions, history) = blocking(read).await?;
    let item = |version: portcullis_flows::access::matrix::ListedVersion| {
        let activation = history.iter().find(|past| past.version == version.number);
        Item {
            number: version.number,
            by: version.by.to_string(),
            at: Moment(version.at),
            activated_at: activation.map(|past| Moment(past.at)),
        }
    };
    let t = &ENGLISH;
    Ok(VersionsPage {
        frame: Frame::of(person, site, t.versions_title, Section::Matrix.path()),
        faults: Faults::default(),
        in_force,
        revision,
        matrix: matrix::SHOW.path,
        replay: person.sections.contains(&Section::Audit).then_some(paths::MATRIX_REPLAY),
        can_roll_back: history.iter().any(|past| past.version != in_force),
        versions: versions.into_iter().map(item).collect(),
        text: Field::lines("text", t.version_text).value(typed).hint(t.version_text_hint),
    })
}

/// The form of a new version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionForm {
    text: String,
}

/// A form with a matrix file: three bytes of the form for each of the file, and the file has 1 MiB at most.
const FILE: Body = Body::Form(4 * 1024 * 1024);

pub(crate) const PROPOSE: Route = Route {
    method: Method::Post,
    guard: Guard::permitted(&[permission::ACTIVATE_MATRIX, permission::READ_MATRIX]).recent(),
    body: FILE,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..LIST
};

/// Stores a version, and shows what it changes. It is not in force before it is activated.
pub(crate) async fn propose(
    person: Person,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
    form: Form<VersionForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0.text;
    // A form sends the ends of lines as CR LF.
    let text = typed.replace("\r\n", "\n");
    let (proposed, principal) = (matrices.clone(), person.principal.clone());
    match blocking(move || proposed.propose(&text, &principal)).await {
        Ok(number) => Ok(see(&format!("{}?compare={number}", matrix::SHOW.path))),
        Err(problem) => {
            let mut shown = versions_page(&person, &site, &matrices, &typed).await?;
            shown.faults = Faults::marked(&problem, slice::from_mut(&mut shown.text));
            refused(&problem, &shown)
        }
    }
}

/// The form of one version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberForm {
    version: u32,
}

pub(crate) const ACTIVATE: Route = Route {
    path: "/console/admin/matrix/versions/activate",
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixAboveOwnRole,
        Code::NotFound,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::MatrixSuperseded,
        Code::RolesInUse,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..PROPOSE
};

/// Puts a version in force.
pub(crate) async fn activate(
    person: Person,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
    form: Form<NumberForm>,
) -> Result<HttpResponse, Problem> {
    let (number, principal) = (form.0.version, person.principal.clone());
    let activated = matrices.clone();
    let outcome = blocking(move || activated.activate(number, &principal)).await;
    shown(outcome, &person, &site, &matrices).await
}

/// The form of a roll-back: the revision in force that the page showed. A second press names an old revision
/// and changes nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevisionForm {
    revision: u64,
}

pub(crate) const ROLL_BACK: Route = Route {
    path: "/console/admin/matrix/versions/roll-back",
    errors: &[
        Code::CsrfFailed,
        Code::MatrixAboveOwnRole,
        Code::NothingToRollBack,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::MatrixSuperseded,
        Code::RolesInUse,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..ACTIVATE
};

/// Activates the previous version again.
pub(crate) async fn roll_back(
    person: Person,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
    form: Form<RevisionForm>,
) -> Result<HttpResponse, Problem> {
    let (principal, changed) = (person.principal.clone(), matrices.clone());
    let seen = Some(form.0.revision);
    let outcome = blocking(move || changed.roll_back(seen, &principal).map(drop)).await;
    shown(outcome, &person, &site, &matrices).await
}

/// The list of versions after a change, or with the fault of a change that failed.
async fn shown(
    outcome: Result<(), Problem>,
    person: &Person,
    site: &Site,
    matrices: &web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let Err(problem) = outcome else { return Ok(see(LIST.path)) };
    let shown = versions_page(person, site, matrices, "").await?;
    refused(&problem, &VersionsPage { faults: Faults::of(&problem), ..shown })
}
