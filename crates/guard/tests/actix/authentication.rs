//! Authentication: the principal of a request, and refused tokens.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpMessage, HttpRequest, web};
use portcullis_guard::Claims;
use portcullis_guard::actix::protect;
use portcullis_guard::token::{AccessClaims, AssuranceLevel, LEEWAY, RefreshClaims};

use crate::answer::{Answer, call, request, send, send_unguarded};
use crate::service;
use crate::tokens::{self, AUDIENCE, ISSUER, LIFETIME, NOW, SECRET, authority};

#[actix_web::test]
async fn a_handler_learns_who_calls() {
    let ann = tokens::account();
    let answer = call("/me", &tokens::of(ann, "faculty")).await;
    answer.assert_allowed(&format!("{ann} faculty user"));
}

#[actix_web::test]
async fn without_a_bearer_token_the_challenge_names_no_error() {
    let token = tokens::of(tokens::account(), "admin");
    let requests = [
        request("/me"),
        request("/me").insert_header(("Authorization", "Basic YW5uOmFubg==")),
        request("/me").insert_header(("Authorization", token.clone())),
        request("/me").insert_header(("Cookie", format!("access_token={token}"))),
        request(&format!("/me?access_token={token}")),
        request("/schedules"),
        request("/absences/forgetful"),
    ];
    for request in requests {
        let answer = send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.code(), "not_authenticated");
        assert_eq!(answer.challenge.as_deref(), Some(r#"Bearer realm="portcullis""#));
    }
}

#[actix_web::test]
async fn two_credentials_are_one_too_many() {
    let value = format!("Bearer {}", tokens::of(tokens::account(), "admin"));
    let twice = request("/me")
        .append_header(("Authorization", value.clone()))
        .append_header(("Authorization", value));
    let answer = send(twice).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "ambiguous_credentials");
}

#[actix_web::test]
async fn a_token_is_refused_unless_it_is_an_access_token_of_this_issuer_for_this_service() {
    let ann = tokens::account();
    let claims = tokens::claims(ann, "admin");
    let AccessClaims { subject, session, token, issued_at, expires_at, .. } = claims.clone();
    let refresh = RefreshClaims { subject, session, token, issued_at, expires_at };
    let other_secret = "mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2";

    let cases = [
        (
            authority(SECRET, ISSUER, AUDIENCE).sign_refresh(&refresh),
            "the token is of another kind",
        ),
        (
            authority(other_secret, ISSUER, AUDIENCE).sign_access(&claims),
            "the token names an unknown key",
        ),
        (
            authority(SECRET, "https://evil.example.org", AUDIENCE).sign_access(&claims),
            "the token comes from another issuer",
        ),
        (
            authority(SECRET, ISSUER, "another-api").sign_access(&claims),
            "the token is meant for another audience",
        ),
    ];
    for (token, reason) in cases {
        assert_invalid(&call("/me", &tokens::text(&token)).await, reason);
    }
    assert_invalid(&call("/me", "no.real.token").await, "the token is malformed");
    assert_invalid(&call("/me", "").await, "the token is malformed");
}

#[actix_web::test]
async fn a_token_whose_claims_were_changed_is_forged() {
    let ann = tokens::account();
    let mine = tokens::of(ann, "faculty");
    let wanted = tokens::of(ann, "admin");
    let (head, signature) = mine.rsplit_once('.').unwrap();
    let (admin, _) = wanted.rsplit_once('.').unwrap();
    let forged = call("/schedules", &format!("{admin}.{signature}")).await;
    assert_invalid(&forged, "the signature of the token does not match");
    let unsigned = call("/schedules", &format!("{head}.")).await;
    assert_eq!(unsigned.code(), "invalid_token");
}

#[actix_web::test]
async fn an_expired_token_is_refused_everywhere() {
    let ending = |expires_at| {
        let issued_at = expires_at - LIFETIME;
        let claims = tokens::claims(tokens::account(), "admin");
        tokens::signed(&AccessClaims { issued_at, expires_at, ..claims })
    };
    let expired = ending(NOW - LEEWAY);
    for path in ["/me", "/schedules", "/absences/forgetful"] {
        assert_invalid(&call(path, &expired).await, "the token has expired");
    }
    let just_good = ending(NOW - LEEWAY + Duration::from_secs(1));
    assert_eq!(call("/me", &just_good).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn who_must_change_the_password_can_do_nothing_else() {
    let claims =
        AccessClaims { password_must_change: true, ..tokens::claims(tokens::account(), "admin") };
    let token = tokens::signed(&claims);
    for path in ["/me", "/schedules", "/absences/forgetful"] {
        let answer = call(path, &token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "password_change_required");
    }
}

#[actix_web::test]
async fn who_must_enrol_a_factor_can_do_nothing_else() {
    let claims =
        AccessClaims { factor_required: true, ..tokens::claims(tokens::account(), "admin") };
    let token = tokens::signed(&claims);
    for path in ["/me", "/schedules", "/absences/forgetful", "/secrets"] {
        let answer = call(path, &token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "factor_required");
    }
}

#[actix_web::test]
async fn a_route_can_require_a_second_factor_of_the_last_minutes() {
    let signed = |assurance, age: u64| {
        let authenticated_at = NOW - Duration::from_secs(age);
        let claims = tokens::claims(tokens::account(), "admin");
        tokens::signed(&AccessClaims { assurance, authenticated_at, ..claims })
    };
    let answer = call("/secrets", &signed(AssuranceLevel::Aal2, 900)).await;
    answer.assert_allowed("secret");
    for (assurance, age) in
        [(AssuranceLevel::Aal1, 0), (AssuranceLevel::Aal2, 901), (AssuranceLevel::Aal1, 901)]
    {
        let answer = call("/secrets", &signed(assurance, age)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.code(), "insufficient_user_authentication");
        let challenge = answer.challenge.unwrap();
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
        assert!(challenge.ends_with(r#"acr_values="aal2", max_age=900"#), "{challenge}");
    }
}

#[actix_web::test]
async fn a_service_without_a_guard_refuses_every_request() {
    let token = tokens::of(tokens::account(), "admin");
    for path in ["/me", "/schedules", "/absences/forgetful"] {
        let bearer = ("Authorization", format!("Bearer {token}"));
        let answer = send_unguarded(request(path).insert_header(bearer)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.code(), "internal");
        assert!(answer.log.unwrap().starts_with("no guard before this handler"));
    }
}

#[actix_web::test]
async fn a_protected_scope_lets_only_signed_in_callers_reach_any_of_its_routes() {
    let open = async |request: HttpRequest| {
        request.extensions().get::<Claims>().map(|claims| claims.account.to_string()).unwrap()
    };
    let scope = web::scope("/in").wrap(from_fn(protect)).route("/open", web::get().to(open));
    let app = init_service(App::new().app_data(service::guard()).service(scope)).await;
    let ann = tokens::account();
    let get = || TestRequest::get().uri("/in/open");
    let bearer = ("Authorization", format!("Bearer {}", tokens::of(ann, "faculty")));
    let allowed = call_service(&app, get().insert_header(bearer).to_request()).await;
    assert_eq!(read_body(allowed).await, ann.to_string());
    let refused = call_service(&app, get().to_request()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.response().error().unwrap().to_string(), "no bearer token");
}

/// The caller is told the same whatever was wrong; the log is told more.
#[track_caller]
fn assert_invalid(answer: &Answer, log: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert_eq!(
        answer.challenge.as_deref(),
        Some(r#"Bearer realm="portcullis", error="invalid_token""#)
    );
    assert_eq!(
        answer.text,
        "{\"type\":\"urn:portcullis:problem:invalid_token\",\"title\":\"The access token is not \
         valid\",\"status\":401,\"detail\":\"Refresh it, or sign in again.\",\"code\":\
         \"invalid_token\"}"
    );
    assert_eq!(answer.log.as_deref(), Some(log));
}

#[actix_web::test]
async fn a_token_of_a_limited_account_is_refused_from_outside_its_networks() {
    let networks = |networks: &str| {
        let claims = tokens::claims(tokens::account(), "admin");
        tokens::signed(&AccessClaims { networks: networks.parse().ok(), ..claims })
    };
    let from = |peer: Option<&str>, token: &str| {
        let request = request("/me").insert_header(("Authorization", format!("Bearer {token}")));
        match peer {
            Some(peer) => request.peer_addr(format!("{peer}:4711").parse().unwrap()),
            None => request,
        }
    };
    let token = networks("192.0.2.64/26 2001:db8::/32");
    for inside in ["192.0.2.64", "192.0.2.127", "[2001:db8::1]", "[::ffff:192.0.2.100]"] {
        assert_eq!(send(from(Some(inside), &token)).await.status, StatusCode::OK, "{inside}");
    }
    for outside in ["192.0.2.63", "192.0.2.128", "[2001:db9::1]"] {
        let answer = send(from(Some(outside), &token)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "outside_networks")
        );
    }
    let answer = send(from(None, &token)).await;
    assert_eq!(answer.code(), "outside_networks", "an unknown client");
    let answer = send(from(Some("192.0.2.64"), &networks(""))).await;
    assert_eq!(answer.code(), "outside_networks", "a list that contains nothing");
    let free = tokens::of(tokens::account(), "admin");
    assert_eq!(send(from(None, &free)).await.status, StatusCode::OK);
}
