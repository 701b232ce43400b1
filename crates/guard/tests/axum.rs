//! An axum service and a gRPC client behind the layer: the same answers as in actix-web.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "actix/tokens.rs"]
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use portcullis_guard::access::Matrix;
use portcullis_guard::domain::AccountId;
use portcullis_guard::token::{Revocation, RevocationEntry, SecretKey, SharedSecret};
use portcullis_guard::tower::Protect;
use portcullis_guard::{Ask, Claims, Guard, Refusal, Require};
use tower_service::Service;

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}
use words::actions::{Approve, Create};
use words::resources::{Absence, Schedule};

fn guard() -> Guard {
    let secret = SecretKey::parse(&tokens::SECRET.into()).unwrap();
    Guard::builder(tokens::ISSUER, tokens::AUDIENCE)
        .shared_secret(&SharedSecret::of(&secret))
        .matrix(Matrix::parse(words::MATRIX).unwrap())
        .clock(Arc::new(tokens::FixedClock))
        .offline()
}

fn routes() -> Router {
    Router::new()
        .route("/me", get(async |claims: Claims| claims.account.to_string()))
        .route("/schedules", post(async |_: Require<Schedule, Create>| "created"))
        .route("/absences/of/{owner}", post(approve))
}

async fn approve(
    ask: Ask<Absence, Approve>,
    Path(owner): Path<AccountId>,
) -> Result<&'static str, Refusal> {
    ask.owned_by(owner)?;
    Ok("approved")
}

async fn send(mut app: Router, request: Request<Body>) -> (Response<()>, String) {
    let (head, body) = app.call(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(head, ()), text)
}

fn request(path: &str, token: &str) -> Request<Body> {
    let method = if path == "/me" { "GET" } else { "POST" };
    let request = Request::builder().method(method).uri(path);
    request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

async fn status(app: &Router, path: &str, token: &str) -> StatusCode {
    send(app.clone(), request(path, token)).await.0.status()
}

#[tokio::test]
async fn a_handler_learns_who_calls_and_the_matrix_decides() {
    let app = routes().layer(Protect::by(&guard()));
    let ann = tokens::account();
    let (faculty, coordinator) = (tokens::of(ann, "faculty"), tokens::of(ann, "coordinator"));
    let (_, text) = send(app.clone(), request("/me", &faculty)).await;
    assert_eq!(text, ann.to_string());
    assert_eq!(status(&app, "/schedules", &coordinator).await, StatusCode::OK);
    assert_eq!(status(&app, "/schedules", &faculty).await, StatusCode::FORBIDDEN);
    let other = format!("/absences/of/{}", tokens::account());
    assert_eq!(status(&app, &other, &coordinator).await, StatusCode::OK);
    assert_eq!(
        status(&app, &format!("/absences/of/{ann}"), &coordinator).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_refusal_is_the_problem_that_actix_web_would_answer() {
    let app = routes().layer(Protect::by(&guard()));
    let (head, text) = send(app, request("/me", "no.real.token")).await;
    assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
    let header = |name| head.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/problem+json");
    assert_eq!(header("www-authenticate"), r#"Bearer realm="portcullis", error="invalid_token""#);
    assert_eq!(
        text,
        "{\"type\":\"urn:portcullis:problem:invalid_token\",\"title\":\"The access token is not \
         valid\",\"status\":401,\"detail\":\"Refresh it, or sign in again.\",\"code\":\
         \"invalid_token\"}"
    );
}

#[tokio::test]
async fn two_credentials_none_and_no_layer_let_nobody_in() {
    let app = routes().layer(Protect::by(&guard()));
    let token = tokens::of(tokens::account(), "admin");
    let mut twice = request("/me", &token);
    twice.headers_mut().append("authorization", format!("Bearer {token}").parse().unwrap());
    assert_eq!(send(app.clone(), twice).await.0.status(), StatusCode::BAD_REQUEST);
    let none = Request::builder().uri("/me").body(Body::empty()).unwrap();
    assert_eq!(send(app, none).await.0.status(), StatusCode::UNAUTHORIZED);
    for path in ["/me", "/schedules"] {
        assert_eq!(status(&routes(), path, &token).await, StatusCode::INTERNAL_SERVER_ERROR);
    }
}

#[tokio::test]
async fn whatever_is_revoked_is_refused_from_the_next_request_on() {
    let guard = guard();
    let app = routes().layer(Protect::by(&guard));
    let claims = || tokens::claims(tokens::account(), "admin");
    let [one, two, three, bystander] = [claims(), claims(), claims(), claims()];
    let later = tokens::NOW + std::time::Duration::from_secs(1);
    for revocation in [
        Revocation::Token(one.token),
        Revocation::Session(two.session),
        Revocation::Subject { account: three.subject, issued_before: later },
    ] {
        guard.revocations().revoke(RevocationEntry { revocation, until: later });
    }
    for claims in [one, two, three] {
        assert_eq!(status(&app, "/me", &tokens::signed(&claims)).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&app, "/me", &tokens::signed(&bystander)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_grpc_client_gets_a_grpc_status() {
    let app = routes().layer(Protect::by(&guard()));
    let mut call = request("/absences.Absences/Approve", "no.real.token");
    call.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    let (head, text) = send(app, call).await;
    assert_eq!((head.status(), text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.headers().get("grpc-status").unwrap(), "16");
    assert_eq!(head.headers().get("grpc-message").unwrap(), "invalid_token");
}
