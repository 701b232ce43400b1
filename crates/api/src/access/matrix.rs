//! `GET /api/authz/matrix`: the active access matrix, restricted to the roles that the caller may
//! see.

pub(crate) mod trial;
pub(crate) mod version;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_access::Matrix;
use portcullis_domain::Role;
use portcullis_flows::access::decision::{Decisions, Question};
use portcullis_flows::access::matrix::Matrices;
use portcullis_web::{
    Body, Caller, Code, FieldProblem, Guard, Limit, Method, Problem, Query, Route, blocking, decide,
};
use serde::Deserialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::openapi::schema::matrix::EffectiveMatrix;
use crate::openapi::word;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: "/api/authz/matrix",
    guard: Guard::CALLER.with_api_keys(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::Unavailable],
};

/// Returns the active access matrix with inheritance resolved, as JSON, CSV or Markdown.
///
/// A caller with the permission `settings:read` gets all roles, any other caller its own role and
/// the roles that it inherits from. Without `format`, the first of these media types in `Accept` is
/// used.
#[utoipa::path(get, path = SHOW.path, operation_id = "getAccessMatrix", tag = "authorization",
    params(FormatParameter),
    responses((status = 200, description = "The matrix", content(
        (EffectiveMatrix = "application/json", example = json!({
            "self_registration_role": "msa", "resources": ["schedule"], "actions": ["read"],
            "roles": [{ "role": "msa", "juniors": [],
                "access": { "schedule": { "read": [{ "when": [], "from": "msa" }] } } }] })),
        (String = "text/csv", example = json!("role,resource,action,when,from\r\n")),
        (String = "text/markdown", example = json!("# Access matrix\n"))))))]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    decisions: web::Data<Decisions>,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let format = Format::wanted(&request)?;
    let role = caller.0.role.clone();
    let see_all = decide(&decisions, caller.0, vec![Question::own("settings", "read")]).await?;
    let see_all = see_all.iter().all(|answer| answer.allowed);
    let active = matrices.active().load();
    let text = blocking(move || -> Result<String, Problem> {
        let is_below =
            |word: &str| role.as_ref().is_some_and(|role| includes(&active.matrix, role, word));
        let visible = |word: &str| see_all || is_below(word);
        let view = active.matrix.visible_to(visible);
        Ok(match format {
            Format::Json => view.to_json(),
            Format::Csv => view.to_csv(),
            Format::Markdown => view.to_markdown(),
        })
    });
    let content_type = (header::CONTENT_TYPE, format.content_type());
    Ok(HttpResponse::Ok().insert_header(content_type).body(text.await?))
}

fn includes(matrix: &Matrix, role: &Role, other: &str) -> bool {
    match (matrix.role(role.as_str()), matrix.role(other)) {
        (Some(role), Some(other)) => matrix.includes(role, other),
        _ => false,
    }
}

/// The query, for the API document.
struct FormatParameter;

impl IntoParams for FormatParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = word::one_of(["json", "csv", "markdown"]);
        let description = "The format: `json` (default), `csv` or `markdown`";
        vec![word::query_parameter("format", description, schema, "json")]
    }
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
    Markdown,
}

impl Format {
    fn wanted(request: &HttpRequest) -> Result<Self, Problem> {
        let query = Query::read(request, &["format"])?;
        match query.value("format") {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("markdown") => Ok(Self::Markdown),
            Some(_) => {
                let message = "use one of json, csv, markdown";
                let fault = FieldProblem::new("format".to_owned(), "malformed", message);
                Err(Problem::invalid(vec![fault]))
            }
            None => Ok(Self::accepted(request)),
        }
    }

    fn accepted(request: &HttpRequest) -> Self {
        let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let types = accept.unwrap_or_default().split(',');
        let known = types.filter_map(|range| match range.split(';').next()?.trim() {
            "application/json" => Some(Self::Json),
            "text/csv" => Some(Self::Csv),
            "text/markdown" => Some(Self::Markdown),
            _ => None,
        });
        known.into_iter().next().unwrap_or(Self::Json)
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }
}

/// A body with a matrix file. 4 MiB are more than the largest file that is accepted.
const FILE: Body = Body::Json(4 * 1024 * 1024);

/// A small matrix file.
const EXAMPLE: &str = r#"self_registration_role = "guest"
resources = ["schedule", "settings"]
actions = ["read", "update"]
[roles.admin]
juniors = ["guest"]
grants = [{ resources = ["*"], actions = ["*"] }]
[roles.guest]
grants = [{ resources = ["schedule"], actions = ["read"] }]
"#;

/// A matrix file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileBody {
    /// The text of the file.
    #[schema(value_type = String, format = "toml", example = json!(EXAMPLE))]
    text: String,
}
