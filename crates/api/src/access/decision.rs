//! `POST /api/authz/check` and `/api/authz/check/batch`.
//!
//! The caller gets the answer and an id, never the reason. Most answers are given at once; a check
//! goes to the blocking pool only if an account has to be read, or its recording has to be waited
//! for.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::AccountId;
use portcullis_flows::access::decision::{Answer, Attributes, Context, Decisions, Question};
use portcullis_web::{
    Body, BoundedList, Caller, Code, Concurrency, ConcurrencyPermit, FieldProblem, Guard, Json,
    Limit, Method, Priority, Problem, Route, ShortText, blocking, decide, parse, read_json, stored,
};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use utoipa::ToSchema;

use super::json_object::{self, JsonObject};
use crate::openapi::word;

/// A permission check: a resource, an action and their context.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "resource": "absence", "action": "approve",
    "context": { "owner_id": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13" } }))]
pub(crate) struct CheckBody {
    /// The resource, a word of the access matrix.
    #[schema(value_type = String, max_length = 256, example = "absence")]
    resource: ShortText,
    /// The action, a word of the access matrix.
    #[schema(value_type = String, max_length = 256, example = "approve")]
    action: ShortText,
    /// The context for conditions. A condition without its value does not hold.
    #[serde(default)]
    context: Option<ContextBody>,
    /// The id of the account to check, by default the caller's. Another account requires the
    /// permission `user:execute`.
    #[schema(value_type = Option<String>, format = Uuid,
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    #[serde(default)]
    subject: Option<Subject>,
}

/// The context for conditions: at most 4 KiB of text in all.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextBody {
    /// The id of the account that owns the resource. An invalid id counts as missing.
    #[schema(value_type = Option<String>, max_length = 256,
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    #[serde(default)]
    owner_id: Option<ShortText>,
    /// The ids of the accounts that take part in the resource, at most 32. An invalid id counts as
    /// missing.
    #[schema(value_type = Option<Vec<String>>, max_items = 32,
        example = json!(["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"]))]
    #[serde(default)]
    parties: Option<BoundedList<ShortText, MAX_PARTIES>>,
    /// Further values for conditions, at most 4 KiB as JSON text.
    #[schema(schema_with = word::attributes, required = false)]
    #[serde(default)]
    attributes: Option<JsonObject>,
}

/// A batch of permission checks.
#[derive(DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// 1 to 1,000 permission checks.
    #[schema(value_type = Vec<CheckBody>, min_items = 1, max_items = 1000)]
    items: BoundedList<CheckBody, MAX_ITEMS>,
}

/// The decision of one permission check.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// True if the subject has the permission.
    #[schema(example = true)]
    allowed: bool,
    /// The id of the decision. `GET /api/admin/decisions/{id}` returns its reason to auditors.
    #[schema(example = "5f1c9a7e40d2b836-42")]
    decision_id: String,
}

/// The decisions, in the order of the permission checks.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    items: Vec<CheckAnswer>,
}

pub(crate) const CHECK: Route = Route {
    method: Method::Post,
    path: "/api/authz/check",
    guard: Guard::CALLER.query().with_api_keys(),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::JSON,
    errors: &[Code::CsrfFailed, Code::Forbidden, Code::QuestionTooLarge, Code::Unavailable],
};

/// Checks one permission.
///
/// For a word that is not in the access matrix, `allowed` is false.
#[utoipa::path(post, path = CHECK.path, operation_id = "checkPermission", tag = "authorization",
    request_body = CheckBody,
    responses((status = 200, body = CheckAnswer, description = "The decision")))]
pub(crate) async fn check(
    caller: Caller,
    decisions: web::Data<Decisions>,
    body: Json<CheckBody>,
) -> Result<HttpResponse, Problem> {
    let mut faults = Vec::new();
    let question = body.0.question("", &mut faults);
    refuse_too_large(faults)?;
    let answers = decide(&decisions, caller.0, vec![question]).await?;
    let answer = answers.first().ok_or_else(|| Problem::new(Code::Internal))?;
    let mut text = Vec::with_capacity(ANSWER_BYTES);
    write_answer(&mut text, answer);
    Ok(json(text))
}

pub(crate) const CHECK_BATCH: Route = Route {
    method: Method::Post,
    path: "/api/authz/check/batch",
    guard: Guard::CALLER.query().with_api_keys(),
    limit: Limit::concurrent(&BATCHES).priority(Priority::High),
    body: Body::Json(BATCH_LIMIT),
    errors: &[Code::CsrfFailed, Code::Forbidden, Code::QuestionTooLarge, Code::Unavailable],
};

/// Checks up to 1,000 permissions.
///
/// If one check is about another account and the caller lacks the permission `user:execute`, the
/// batch is refused. Concurrent batches of one caller are limited: 503 with `Retry-After`.
#[utoipa::path(post, path = CHECK_BATCH.path, operation_id = "checkPermissions", tag = "authorization",
    request_body = BatchBody,
    responses((status = 200, body = BatchAnswer, description = "The decisions")))]
pub(crate) async fn check_batch(
    caller: Caller,
    place: ConcurrencyPermit,
    decisions: web::Data<Decisions>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_json(&request, payload).await?;
    let is_large = body.len() > LARGE_BATCH;
    let deciding = decisions.clone();
    let work = move || {
        let questions = questions(parse(&body)?)?;
        drop(body);
        Ok::<_, Problem>(deciding.at_once(caller.0, questions))
    };
    // A large batch would delay all other requests of this thread.
    let decided = if is_large { blocking(work).await? } else { work()? };
    let answers = match decided {
        Ok(answers) => answers?,
        Err(pending) => stored(&decisions, pending).await?,
    };
    drop(place);
    let mut text = Vec::with_capacity(answers.len().saturating_mul(ANSWER_BYTES));
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

/// Permits for batches: each takes one for every 64 KiB of its body, and holds about four times its
/// body, together at most about 64 MiB. A caller that sends more than its share has to wait.
const BATCHES: Concurrency = Concurrency {
    name: "batches",
    places: 256,
    unit: Some(64 * 1024),
    wait: Duration::from_secs(5),
};

/// The questions of a batch.
fn questions(body: BatchBody) -> Result<Vec<Question>, Problem> {
    let Some(items) = body.items.0.filter(|items| !items.is_empty()) else {
        let message = "ask 1 to 1,000 questions";
        let fault = FieldProblem::new("items".to_owned(), "wrong_count", message);
        return Err(Problem::invalid(vec![fault]));
    };
    let mut faults = Vec::new();
    let questions = (0..).zip(items).map(|(number, item)| {
        let place = format!("items[{number}].");
        item.question(&place, &mut faults)
    });
    let questions = questions.collect();
    refuse_too_large(faults)?;
    Ok(questions)
}

fn refuse_too_large(faults: Vec<FieldProblem>) -> Result<(), Problem> {
    if faults.is_empty() { Ok(()) } else { Err(Problem::question_too_large(faults)) }
}

/// The maximum of questions in one batch.
const MAX_ITEMS: usize = 1_000;

/// The maximum of parties of one question.
const MAX_PARTIES: usize = 32;

/// The maximum of owner, parties and attributes of one question, in bytes.
const MAX_CONTEXT: usize = json_object::MAX_BYTES;

/// The maximum body of a batch, in bytes.
const BATCH_LIMIT: usize = 1024 * 1024;

/// The size of a body, in bytes, that takes more than one or two milliseconds to process.
const LARGE_BATCH: usize = 256 * 1024;

/// The maximum of faults of questions that are listed.
const MAX_FAULTS: usize = 20;

/// The approximate size of one answer, in bytes.
const ANSWER_BYTES: usize = 72;

fn json(text: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(text)
}

/// Writes the JSON of [`CheckAnswer`]: neither member can need escaping.
fn write_answer(text: &mut Vec<u8>, answer: &Answer) {
    let Answer { allowed, decision } = answer;
    // Writing to memory does not fail.
    let _ = write!(text, r#"{{"allowed":{allowed},"decision_id":"{decision}"}}"#);
}

impl CheckBody {
    /// The question of this body; oversized parts are added to the faults with their place.
    fn question(self, place: &str, faults: &mut Vec<FieldProblem>) -> Question {
        let mut fault = |field: &str, code: &'static str, message: &'static str| {
            if faults.len() < MAX_FAULTS {
                faults.push(FieldProblem::new(format!("{place}context{field}"), code, message));
            }
        };
        Question {
            resource: self.resource.0,
            action: self.action.0,
            subject: self.subject.map(|subject| subject.0),
            context: self.context.map(|context| context.checked(&mut fault)).unwrap_or_default(),
        }
    }
}

impl ContextBody {
    fn checked(self, fault: &mut impl FnMut(&str, &'static str, &'static str)) -> Context {
        let owner = self.owner_id.map(|text| text.0);
        let parties = self.parties.map(|parties| {
            if parties.0.is_none() {
                fault(".parties", "wrong_count", "name at most 32 parties");
            }
            let parties = parties.0.unwrap_or_default();
            parties.into_iter().map(|text| text.0).collect::<Vec<String>>()
        });
        let attributes = self.attributes.and_then(|attributes| {
            if attributes.0.is_none() {
                fault(".attributes", "too_large", "use at most 4 KiB of JSON text");
            }
            attributes.0
        });
        let parties_bytes: usize = parties.iter().flatten().map(String::len).sum();
        let bytes = parties_bytes
            + owner.as_ref().map_or(0, String::len)
            + attributes.as_ref().map_or(0, |attributes| Attributes::as_str(attributes).len());
        if bytes > MAX_CONTEXT {
            let message = "use at most 4 KiB for owner_id, parties and attributes together";
            fault("", "too_large", message);
        }
        Context { owner, parties, attributes }
    }
}

/// An account id, from a text only: serde would also accept a list of sixteen numbers.
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
