//! `GET /api/auth/me`: the account of the caller.

use actix_web::{HttpResponse, web};
use portcullis_flows::identity::account::Accounts;
use portcullis_web::{
    Body, Caller, Code, Guard, Limit, Method, Priority, Problem, Route, blocking,
};

use crate::answer::{AccountAnswer, cached_account_response};

pub(crate) const ME: Route = Route {
    method: Method::Get,
    path: "/api/auth/me",
    guard: Guard::SIGNED_IN.with_api_keys(),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Returns the account of the caller, at most one second old.
#[utoipa::path(get, path = ME.path, operation_id = "getOwnAccount", tag = "auth",
    responses((status = 200, body = AccountAnswer, description = "The account")))]
pub(crate) async fn me(
    caller: Caller,
    accounts: web::Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    if let Some(account) = accounts.recent(account) {
        return Ok(cached_account_response(&account));
    }
    let account = blocking(move || accounts.read(account)).await?;
    let account = account.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    Ok(cached_account_response(&account))
}
