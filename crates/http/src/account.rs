//! `GET /api/auth/me`.

use actix_web::web::{self, Json};

use crate::answer::AccountAnswer;
use crate::blocking::blocking;
use crate::guard::Authenticated;
use crate::problem::{Code, Problem};
use crate::services::Services;

/// The account of the caller, at most a second old.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = AccountAnswer, description = "The account")))]
pub(crate) async fn me(
    guard: Authenticated,
    services: web::Data<Services>,
) -> Result<Json<AccountAnswer>, Problem> {
    if let Some(account) = services.accounts.recent(guard.account) {
        return Ok(Json(AccountAnswer::from(account.as_ref())));
    }
    let accounts = services.accounts.clone();
    let account = blocking(move || accounts.read(guard.account)).await?;
    let account = account.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    Ok(Json(AccountAnswer::from(account.as_ref())))
}
