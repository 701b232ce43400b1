//! `/console/admin/matrix`: the access matrix as a picture, and the reasons of what a role may do.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_access::{DecisionContext, Matrix, MatrixDiff};
use portcullis_flows::access::matrix::{Matrices, MatrixError};
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Query, Route, blocking};

use super::picture::{Choice, Picture};
use crate::page::{Frame, Person, page};
use crate::paths;
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "matrix.html")]
struct MatrixPage<'a> {
    frame: Frame<'a>,
    version: u32,
    versions: &'static str,
    compared: Option<u32>,
    changes: usize,
    choice: Choice,
    roles: Vec<String>,
    resources: Vec<String>,
    actions: Vec<String>,
    /// The picture; `None` if the choice is too large for one.
    picture: Option<Picture>,
    shows_rules: bool,
    answers: Vec<Answer>,
}

/// The answer to "may this role do that", in one situation.
struct Answer {
    situation: &'static str,
    is_allowed: bool,
    reason: String,
}

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: Section::Matrix.path(),
    guard: Guard::permitted(Section::Matrix.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::Unavailable],
};

/// Shows the matrix in force, or the part that is chosen.
pub(crate) async fn show(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["role", "resource", "action", "compare"])?;
    let text = |key: &str| query.value(key).unwrap_or_default().to_owned();
    let choice = Choice { role: text("role"), resource: text("resource"), action: text("action") };
    let compared: Option<u32> = query.value("compare").and_then(|number| number.parse().ok());
    let active = matrices.active().load();
    let matrix = active.matrix.clone();
    let diff = match compared {
        Some(number) => Some(blocking(move || compare(&matrices, number)).await?),
        None => None,
    };
    let changes = diff.as_ref().map_or(0, |diff| diff.cells.len() + diff.cells_left_out);
    let (drawn, shown) = (matrix.clone(), choice.clone());
    let draw = move || {
        let picture = || Picture::of(&drawn, diff.as_ref(), &shown);
        Ok::<_, Problem>(shown.is_bounded(&drawn).then(picture))
    };
    let picture = blocking(draw).await?;
    let words = |words: &mut dyn Iterator<Item = &str>| words.map(str::to_owned).collect();
    let is_chosen = [&choice.role, &choice.resource, &choice.action].map(|it| !it.is_empty());
    page(&MatrixPage {
        frame: Frame::of(&person, &site, ENGLISH.matrix_title, SHOW.path),
        version: active.version,
        versions: paths::MATRIX_VERSIONS,
        compared,
        changes,
        roles: words(&mut matrix.roles()),
        resources: words(&mut matrix.resources()),
        actions: words(&mut matrix.actions()),
        picture,
        shows_rules: is_chosen.contains(&true),
        answers: if is_chosen == [true; 3] { answers(&matrix, &choice) } else { Vec::new() },
        choice,
    })
}

fn compare(matrices: &Matrices, number: u32) -> Result<MatrixDiff, Problem> {
    let version = matrices.version(number)?.ok_or_else(|| Problem::new(Code::NotFound))?;
    matrices.diff(&version.text).map_err(|error: MatrixError| error.into())
}

/// The reasons in the situations that the conditions of the server tell apart. Nothing is recorded: nobody
/// asks for access.
fn answers(matrix: &Matrix, choice: &Choice) -> Vec<Answer> {
    const SUBJECT: &str = "subject";
    const OTHER: &str = "other";
    let t = &ENGLISH;
    let by = DecisionContext::by(SUBJECT);
    let situations = [
        (t.situation_none, by),
        (t.situation_own, by.owned_by(SUBJECT)),
        (t.situation_other, by.owned_by(OTHER)),
        (t.situation_party, by.owned_by(OTHER).between(&[SUBJECT, OTHER][..])),
    ];
    let answer = |(situation, context)| {
        let Choice { role, resource, action } = choice;
        let decision = matrix.decide_words(role, resource, action, &context);
        let explanation = matrix.explain(&decision);
        Answer { situation, is_allowed: decision.is_allowed(), reason: explanation.to_string() }
    };
    situations.into_iter().map(answer).collect()
}
