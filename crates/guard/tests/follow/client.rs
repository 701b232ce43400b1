//! The address of the client, as the adapters find it.

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpMessage, web};
use portcullis_guard::{Claims, ClientAddress, WhenStale};

use crate::authority::{Authority, STALE};

const PEER: &str = "198.51.100.7:4711";
const GIVEN: &str = "192.0.2.7";

/// The addresses that the server was told.
fn told(authority: &Authority) -> Vec<Option<String>> {
    let inner = authority.state.inner();
    let address = |form: &String| form.split_once("client_address=").map(|(_, it)| it.to_owned());
    inner.asked.introspections.iter().map(address).collect()
}

async fn guard(authority: &Authority) -> portcullis_guard::Guard {
    let builder = authority.builder().when_stale(WhenStale::Refuse, STALE).api_keys();
    builder.connect().await.unwrap()
}

fn given() -> ClientAddress {
    ClientAddress::new(GIVEN.parse().unwrap())
}

#[actix_web::test]
async fn in_actix_web_it_is_the_peer_unless_the_service_has_given_another() {
    let authority = Authority::start();
    let guard = guard(&authority).await;
    let me = web::get().to(async |claims: Claims| claims.account.to_string());
    let app = init_service(App::new().app_data(guard).route("/me", me)).await;
    let bearer = format!("Bearer {}", authority.api_key("faculty", "*:*").expose());
    let request =
        || TestRequest::get().uri("/me").insert_header(("authorization", bearer.as_str()));
    let direct = request().peer_addr(PEER.parse().unwrap()).to_request();
    let proxied = request().peer_addr(PEER.parse().unwrap()).to_request();
    proxied.extensions_mut().insert(given());
    for request in [direct, proxied, request().to_request()] {
        assert_eq!(call_service(&app, request).await.status(), 200);
    }
    let expected = [Some("198.51.100.7".to_owned()), Some(GIVEN.to_owned()), None];
    assert_eq!(told(&authority), expected);
}

#[cfg(feature = "axum")]
#[actix_web::test]
async fn in_axum_it_is_the_peer_if_the_service_knows_it_unless_it_has_given_another() {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use axum::http::Request;
    use axum::routing::get;
    use portcullis_guard::tower::Protect;
    use tower_service::Service;

    let authority = Authority::start();
    let guard = guard(&authority).await;
    let app = Router::new().route("/me", get(async |_: Claims| "me")).layer(Protect::by(&guard));
    let bearer = format!("Bearer {}", authority.api_key("faculty", "*:*").expose());
    let request = |peer: Option<&str>, given: Option<ClientAddress>| {
        let mut request = Request::builder().uri("/me").header("authorization", &bearer);
        if let Some(peer) = peer {
            request = request.extension(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        if let Some(given) = given {
            request = request.extension(given);
        }
        request.body(Body::empty()).unwrap()
    };
    for request in
        [request(Some(PEER), None), request(Some(PEER), Some(given())), request(None, None)]
    {
        assert_eq!(app.clone().call(request).await.unwrap().status(), 200);
    }
    let expected = [Some("198.51.100.7".to_owned()), Some(GIVEN.to_owned()), None];
    assert_eq!(told(&authority), expected);
}
