//! The example of the README: an axum service and the test of its protection.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use portcullis_guard::tower::Protect;
use portcullis_guard::{Claims, Guard};
use portcullis_testkit::{TestDatabase, TestServer};
use tower_service::Service;

/// The service under test.
fn shop(guard: &Guard) -> Router {
    Router::new()
        .route("/me", get(async |caller: Claims| caller.role.to_string()))
        .layer(Protect::by(guard))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_lets_signed_in_people_in_until_their_token_expires() {
    let server = TestServer::start(TestDatabase::sqlite());
    server.add_person("ada", "msa");
    let token = server.access_token("ada");
    let mut shop = shop(&server.guard().connect().await.unwrap());
    let mut status = async |token: &str| {
        let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
        shop.call(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };

    assert_eq!(status(&token).await, 200);
    assert_eq!(status("forged").await, 401);
    server.clock().advance(Duration::from_secs(3600));
    assert_eq!(status(&token).await, 401);
}
