//! A service that lets Portcullis say who may touch its schedules and absences.
//!
//! ```sh
//! export SECRET_KEY="$(openssl rand -base64 48)"
//! cargo run -p portcullis -- serve &
//! cargo run -p portcullis-guard --example schedule_service --features actix &
//! curl -i -X POST -H "Authorization: Bearer $access_token" http://127.0.0.1:8090/schedules
//! ```
//!
//! The token is what `POST /api/auth/login/json` answers with `"delivery": "body"`.

use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use portcullis_guard::access::Matrix;
use portcullis_guard::actix::{Ask, Require};
use portcullis_guard::domain::AccountId;
use portcullis_guard::token::{KeySet, Purpose, SecretKey, Verifier, VerifyingKey};
use portcullis_guard::{Claims, Denied, Guard};

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}
use words::{actions, resources};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let guard = web::Data::new(guard()?);
    let app = move || {
        App::new()
            .app_data(guard.clone())
            .route("/me", web::get().to(me))
            .route("/schedules", web::post().to(create_schedule))
            .route("/absences/of/{owner}/approval", web::post().to(approve_absence))
    };
    HttpServer::new(app).workers(1).bind(("127.0.0.1", 8090))?.run().await?;
    Ok(())
}

fn guard() -> Result<Guard, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "an example has no configuration")]
    let secret = std::env::var("SECRET_KEY")?;
    let key = SecretKey::parse(&secret.into())?.derive(Purpose::AccessToken);
    let verifier = Verifier::new(
        KeySet::from(VerifyingKey::hs256(&key)),
        "http://127.0.0.1:8080",    // issuer: where Portcullis listens
        "portcullis",               // audience: `tokens.audience` there
        Duration::from_secs(1_800), // `ACCESS_TOKEN_EXPIRE_MINUTES` there
    );
    Ok(Guard::new(verifier, Matrix::parse(words::MATRIX)?))
}

/// Everybody who is signed in.
async fn me(claims: Claims) -> String {
    format!("{} in the role {}\n", claims.account, claims.role)
}

/// Roles that may create schedules.
async fn create_schedule(caller: Require<resources::Schedule, actions::Create>) -> HttpResponse {
    HttpResponse::Created().body(format!("a schedule by {}\n", caller.claims.account))
}

/// Roles that may approve absences, and nobody their own.
async fn approve_absence(
    ask: Ask<resources::Absence, actions::Approve>,
    owner: web::Path<AccountId>,
) -> Result<&'static str, Denied> {
    ask.owned_by(*owner)?;
    Ok("approved\n")
}
