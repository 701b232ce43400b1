//! `POST /api/authz/check` and `/api/authz/check/batch`.
//!
//! The caller learns the answer and an id, never the reason. Most answers are given at once; only
//! what needs an account to be read, or has to wait for its recording, goes to the blocking pool.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use portcullis_domain::AccountId;
use portcullis_flows::decision::{self, Answer, Attributes, Context, Question};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use utoipa::ToSchema;

use crate::blocking::blocking;
use crate::body::Json;
use crate::guard::Asking;
use crate::json_object::JsonObject;
use crate::problem::{Code, FieldProblem, Problem};
use crate::services::Services;
use crate::text::ShortText;

/// One question.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "resource": "absence", "action": "approve",
    "context": { "owner_id": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13" } }))]
pub(crate) struct CheckBody {
    /// What would be acted on: a word of the access matrix.
    #[schema(value_type = String, example = "absence")]
    resource: ShortText,
    /// What would be done: a word of the access matrix.
    #[schema(value_type = String, example = "approve")]
    action: ShortText,
    /// What conditions go by. What is missing never makes one hold.
    #[serde(default)]
    context: Option<ContextBody>,
    /// Who would act, if not the caller; asking that takes the permission `user:execute`.
    #[schema(value_type = Option<String>, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    #[serde(default)]
    subject: Option<Subject>,
}

/// What conditions go by.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextBody {
    /// Whose resource it is.
    #[schema(value_type = Option<String>, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    #[serde(default)]
    owner_id: Option<ShortText>,
    /// Who takes part in it.
    #[schema(value_type = Option<Vec<String>>, example = json!(["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"]))]
    #[serde(default)]
    parties: Option<Vec<ShortText>>,
    /// Whatever else conditions read.
    #[schema(value_type = Option<serde_json::Value>, example = json!({ "site": "north" }))]
    #[serde(default)]
    attributes: Option<JsonObject>,
}

/// Up to 1,000 questions.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// 1 to 1,000 of them.
    items: Vec<CheckBody>,
}

/// The answer to one question.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// Whether the subject may.
    #[schema(example = true)]
    allowed: bool,
    /// Names the decision; auditors find its reason under it.
    #[schema(example = "5f1c9a7e40d2b836-42")]
    decision_id: String,
}

/// The answers, in the order of the questions.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    items: Vec<CheckAnswer>,
}

/// How both can fail, apart from what their guard and their bodies refuse.
pub(crate) const ERRORS: &[Code] = &[Code::CsrfFailed, Code::Forbidden, Code::Unavailable];

/// Whether somebody may do something.
///
/// A word that the access matrix does not know is answered by `false`.
#[utoipa::path(post, path = "/api/authz/check", tag = "authorization", request_body = CheckBody,
    responses((status = 200, body = CheckAnswer, description = "The decision")))]
pub(crate) async fn check(
    guard: Asking,
    services: web::Data<Services>,
    body: Json<CheckBody>,
) -> Result<HttpResponse, Problem> {
    let answers = decide(&services, guard.0, vec![body.0.into()]).await?;
    let answer = answers.first().ok_or_else(|| Problem::new(Code::Internal))?;
    let mut text = Vec::with_capacity(ANSWER);
    write_answer(&mut text, answer);
    Ok(json(text))
}

/// Up to 1,000 questions at once.
///
/// If a question is about somebody else and the caller may not ask that, none is answered.
#[utoipa::path(post, path = "/api/authz/check/batch", tag = "authorization",
    request_body = BatchBody,
    responses((status = 200, body = BatchAnswer, description = "The decisions")))]
pub(crate) async fn check_batch(
    guard: Asking,
    services: web::Data<Services>,
    body: Json<BatchBody, BATCH_LIMIT>,
) -> Result<HttpResponse, Problem> {
    let items = body.0.items;
    if !(1..=MOST).contains(&items.len()) {
        let message = "ask 1 to 1,000 questions";
        let fault = FieldProblem::new("items".to_owned(), "wrong_count", message);
        return Err(Problem::invalid(vec![fault]));
    }
    let questions: Vec<Question> = items.into_iter().map(Question::from).collect();
    let answers = decide(&services, guard.0, questions).await?;
    let mut text = Vec::with_capacity(answers.len().saturating_mul(ANSWER));
    text.extend_from_slice(br#"{"items":["#);
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_answer(&mut text, answer);
    }
    text.extend_from_slice(b"]}");
    Ok(json(text))
}

/// Decides and records, here if that needs no waiting.
pub(crate) async fn decide(
    services: &web::Data<Services>,
    caller: decision::Caller,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, Problem> {
    match services.decisions.at_once(caller, questions) {
        Ok(answers) => Ok(answers?),
        Err(pending) => {
            let decisions = services.decisions.clone();
            blocking(move || decisions.later(pending, PATIENCE)).await
        }
    }
}

/// The longest that an answer waits to be recorded; then there is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Questions in one batch.
const MOST: usize = 1_000;

/// Bytes of the body of a batch.
const BATCH_LIMIT: usize = 1024 * 1024;

/// Bytes of one answer, about.
const ANSWER: usize = 72;

fn json(text: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(text)
}

/// As [`CheckAnswer`] serialises: neither member can need escaping.
fn write_answer(text: &mut Vec<u8>, answer: &Answer) {
    let Answer { allowed, decision } = answer;
    // Writing to memory does not fail.
    let _ = write!(text, r#"{{"allowed":{allowed},"decision_id":"{decision}"}}"#);
}

impl From<CheckBody> for Question {
    fn from(body: CheckBody) -> Self {
        Self {
            resource: body.resource.0,
            action: body.action.0,
            subject: body.subject.map(|subject| subject.0),
            context: body.context.map(Context::from).unwrap_or_default(),
        }
    }
}

impl From<ContextBody> for Context {
    fn from(body: ContextBody) -> Self {
        let texts = |texts: Vec<ShortText>| texts.into_iter().map(|text| text.0).collect();
        Self {
            owner: body.owner_id.map(|text| text.0),
            parties: body.parties.map(texts),
            attributes: body.attributes.map(|attributes| Attributes::from(attributes.0)),
        }
    }
}

/// An account's id, as a text only: serde would take a list of sixteen numbers too.
struct Subject(AccountId);

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SubjectVisitor).map(Self)
    }
}

struct SubjectVisitor;

impl Visitor<'_> for SubjectVisitor {
    type Value = AccountId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account id")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AccountId, E> {
        text.parse().map_err(E::custom)
    }
}
