//! An actix-web service whose routes are protected by Portcullis; `README.md` says how to try it.

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use portcullis_guard::access::Matrix;
use portcullis_guard::domain::{AccountId, AssuranceLevel};
use portcullis_guard::{Ask, Claims, Guard, Refusal, Require};

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}
use words::actions::{Approve, Create};
use words::resources::{Absence, Schedule};

const RECENT: Duration = Duration::from_secs(15 * 60);

#[actix_web::main]
#[expect(clippy::disallowed_methods, reason = "an example has no other configuration")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let guard = Guard::builder(&issuer, "portcullis")
        .credential("scheduling", std::env::var("SCHEDULING_SECRET")?)
        .matrix(Matrix::parse(words::MATRIX)?)
        .api_keys()
        .connect()
        .await?;
    let app = move || {
        App::new()
            .app_data(guard.clone())
            .route("/me", web::get().to(me))
            .route("/schedules", web::post().to(create_schedule))
            .route("/absences/of/{owner}/approval", web::post().to(approve_absence))
    };
    Ok(HttpServer::new(app).workers(1).bind(address)?.run().await?)
}

/// Everybody who is signed in, and every program with an API key.
async fn me(claims: Claims) -> String {
    format!("{} in the role {}\n", claims.account, claims.role)
}

/// Roles that may create schedules.
async fn create_schedule(caller: Require<Schedule, Create>) -> String {
    format!("a schedule by {}\n", caller.claims.account)
}

/// Roles that may approve absences, and nobody their own; by a second factor in the last 15 minutes.
async fn approve_absence(
    ask: Ask<Absence, Approve>,
    owner: web::Path<AccountId>,
) -> Result<&'static str, Refusal> {
    ask.require_acr(AssuranceLevel::Aal2, Some(RECENT))?;
    ask.owned_by(*owner)?;
    Ok("approved\n")
}
