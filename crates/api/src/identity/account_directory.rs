//! `GET /api/admin/users`: an administrator lists and searches accounts.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::Role;
use portcullis_flows::access::permission;
use portcullis_flows::identity::account_directory::{
    AccountDirectory, AccountSearch, NamePrefix, SearchPosition,
};
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::answer::AccountAnswer;
use crate::openapi::word;

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountsAnswer<'a> {
    items: Vec<AccountAnswer<'a>>,
    /// The cursor of the next page; null on the last one.
    #[schema(example = "ada")]
    next_cursor: Option<&'a str>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/users",
    guard: Guard::permitted(&[permission::LIST_ACCOUNTS, permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists accounts in the order of their user names, or those whose user name or address begins with a text.
///
/// Those whose user name begins with it come first, then those whose address alone does. A page can have
/// fewer accounts than `limit`, also none, and another one can follow: only the last page has no
/// `next_cursor`. The header `Link` contains the address of the next page (RFC 8288). The audit log records
/// each page.
#[utoipa::path(get, path = LIST.path, operation_id = "listUsers", tag = "users",
    params(
        ("q" = Option<String>, Query, description = "The first letters of a user name or an address",
            example = "ada"),
        ("role" = Option<String>, Query, description = "A role of the access matrix", example = "msa"),
        WordParameters,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of accounts, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = AccountsAnswer, description = "A page of accounts")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    directory: web::Data<AccountDirectory>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["q", "role", "kind", "state", "limit", "cursor"])?;
    let search = search(&query)?;
    let page = blocking(move || directory.search(&caller.0, &search)).await?;
    let next_cursor = page.next.as_ref().map(SearchPosition::as_str);
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        let next = format!("<{}?{}>; rel=\"next\"", request.path(), query.with("cursor", cursor));
        response.insert_header((header::LINK, next));
    }
    let items = page.accounts.iter().map(AccountAnswer::from).collect();
    Ok(response.json(AccountsAnswer { items, next_cursor }))
}

/// The parameters with a list of words, for the API document.
struct WordParameters;

impl IntoParams for WordParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let states = word::one_of(STATES.iter().map(|(word, _)| *word));
        vec![
            word::query_parameter("kind", "The kind of account", word::account_kind(), "user"),
            word::query_parameter("state", "The state of the account", states, "active"),
        ]
    }
}

/// The checked query; all its faults are reported together.
fn search(query: &Query) -> Result<AccountSearch, Problem> {
    let mut faults = Vec::new();
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let expected = || "use the first letters of a user name or an address".to_owned();
    let text = query.parsed("q", expected, some, &mut faults);
    let expected = || "use a role of the access matrix".to_owned();
    let role = query.parsed("role", expected, |text| Role::parse(text).ok(), &mut faults);
    let expected = || "use user, developer or service".to_owned();
    let kind = query.parsed("kind", expected, |text| text.parse().ok(), &mut faults);
    let expected = || "use active or deactivated".to_owned();
    let is_active = query.parsed("state", expected, is_active, &mut faults);
    let expected = || format!("use a number from 1 to {MAX_LIMIT}");
    let number = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", expected, number, &mut faults);
    let expected = || "use the next_cursor of the page before, or none".to_owned();
    let after = query.parsed("cursor", expected, some, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    Ok(AccountSearch {
        prefix: text.as_deref().map(NamePrefix::of),
        role,
        kind,
        is_active,
        after: after.map(SearchPosition::of),
        most: limit.unwrap_or(DEFAULT_LIMIT),
    })
}

/// The states of an account, and whether it is active.
const STATES: [(&str, bool); 2] = [("active", true), ("deactivated", false)];

fn is_active(state: &str) -> Option<bool> {
    STATES.iter().find(|(word, _)| *word == state).map(|(_, is_active)| *is_active)
}

/// The maximum of accounts on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of accounts on a page.
const DEFAULT_LIMIT: u32 = 50;
