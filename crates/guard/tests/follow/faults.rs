//! A guard whose authority is away, silent, restored from a backup, or forged.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use portcullis_guard::domain::Clock;
use portcullis_guard::{Claims, ConnectError, Fault, WhenStale};

use crate::authority::{Authority, STALE, admit, eventually};

const SECOND: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn a_guard_whose_feed_is_cut_reports_its_staleness_and_refuses() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let (token, _) = authority.token();
    assert_eq!(admit(&guard, &token).await, Ok(()));
    authority.state.inner().is_down = true;
    authority.hang_up();
    assert_eq!(admit(&guard, &token).await, Ok(()), "the last word is fresh still");
    authority.clock.advance(STALE + SECOND);
    assert!(guard.is_stale() && guard.staleness() > STALE);
    assert!(admit(&guard, &token).await.unwrap_err().starts_with("no revocation update for"));
    authority.state.inner().is_down = false;
    eventually(|| !guard.is_stale()).await;
    assert_eq!(admit(&guard, &token).await, Ok(()));
}

#[actix_web::test]
async fn a_caller_of_a_stale_guard_is_told_to_come_back() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let bearer = format!("Bearer {}", authority.token().0);
    authority.state.inner().is_down = true;
    authority.hang_up();
    authority.clock.advance(STALE + SECOND);
    let me = web::get().to(async |_: Claims| "in");
    let app = init_service(App::new().app_data(guard).route("/me", me)).await;
    let request = TestRequest::get().uri("/me").insert_header(("Authorization", bearer));
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
}

#[actix_web::test]
async fn a_server_that_talks_on_without_news_of_its_database_does_not_count_as_word() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    authority.state.inner().as_of = Some(authority.clock.now());
    authority.clock.advance(STALE + SECOND);
    let heard = authority.state.inner().beats;
    eventually(|| authority.state.inner().beats > heard + 3).await;
    assert!(guard.is_stale());
    authority.state.inner().as_of = None;
    eventually(|| !guard.is_stale()).await;
}

#[actix_web::test]
async fn a_guard_that_was_told_to_goes_on_with_what_it_knows() {
    let authority = Authority::start();
    let guard = authority.builder().when_stale(WhenStale::Accept, STALE).connect().await.unwrap();
    let ((ended, session), (token, _)) = (authority.token(), authority.token());
    authority.revoke(session);
    eventually(|| guard.revocations().len() == 1).await;
    authority.state.inner().is_down = true;
    authority.hang_up();
    authority.clock.advance(STALE + SECOND);
    assert!(guard.is_stale());
    assert_eq!(admit(&guard, &token).await, Ok(()));
    assert!(admit(&guard, &ended).await.is_err(), "what is known to be revoked stays so");
}

#[actix_web::test]
async fn a_silent_connection_is_replaced_and_nothing_is_missed() {
    let authority = Authority::start();
    let impatient = authority.builder().longest_silence(SECOND / 5);
    let guard = impatient.connect().await.unwrap();
    authority.state.inner().is_silent = true;
    let (token, session) = authority.token();
    authority.revoke(session);
    eventually(|| authority.state.inner().asked.cursors.len() > 1).await;
    authority.state.inner().is_silent = false;
    eventually(|| guard.revocations().len() == 1).await;
    assert!(admit(&guard, &token).await.unwrap_err().starts_with("a revoked token of"));
}

#[actix_web::test]
async fn who_was_away_goes_on_from_the_cursor() {
    let authority = Authority::start();
    authority.revoke(authority.token().1);
    let guard = authority.builder().connect().await.unwrap();
    authority.state.inner().is_down = true;
    authority.hang_up();
    for _ in 0..100 {
        authority.revoke(authority.token().1);
    }
    authority.state.inner().is_down = false;
    eventually(|| guard.revocations().len() == 101).await;
    let inner = authority.state.inner();
    assert_eq!(inner.asked.snapshots, 1, "the one to begin with");
    assert!(inner.asked.cursors.iter().all(|cursor| cursor == "1.0000002a"));
}

#[actix_web::test]
async fn who_was_away_for_too_long_begins_again_with_a_snapshot_and_forgets_nothing() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    authority.state.inner().is_down = true;
    authority.hang_up();
    for _ in 0..10 {
        authority.revoke(authority.token().1);
    }
    authority.state.inner().purged_through = 5;
    authority.state.inner().is_down = false;
    eventually(|| guard.revocations().len() == 10).await;
    eventually(|| authority.state.inner().asked.cursors.last().unwrap() == "10.0000002a").await;
    assert_eq!(authority.state.inner().asked.snapshots, 2);
}

#[actix_web::test]
async fn a_snapshot_that_was_changed_cut_or_extended_is_not_believed() {
    let authority = Authority::start();
    for _ in 0..3 {
        authority.revoke(authority.token().1);
    }
    let without_first = |text: String| text.split_once('\n').unwrap().1.to_owned();
    let without_end = |text: String| text.get(..text.len() / 2).unwrap().to_owned();
    let without_signature = |text: String| text.split("{\"signed").next().unwrap().to_owned();
    let doubled = |text: String| {
        let first = text.lines().next().unwrap();
        format!("{first}\n{text}")
    };
    let forged = |text: String| text.replace("\"signed\":\"", "\"signed\":\"e");
    let tampers: [fn(String) -> String; 5] =
        [without_first, without_end, without_signature, doubled, forged];
    for (number, tamper) in tampers.into_iter().enumerate() {
        authority.state.inner().tamper = tamper;
        let refused = authority.builder().connect().await.unwrap_err();
        let is_named = matches!(
            refused,
            ConnectError::Server(Fault::Changed | Fault::Unsigned(_) | Fault::Malformed(_))
        );
        assert!(is_named, "{number}: {refused}");
    }
    authority.state.inner().tamper = |text| text;
    assert_eq!(authority.builder().connect().await.unwrap().revocations().len(), 3);
}

#[actix_web::test]
async fn what_never_ends_is_not_read_to_its_end() {
    let authority = Authority::start();
    authority.state.inner().tamper = |_| " ".repeat(1_000_000);
    let refused = authority.builder().connect().await.unwrap_err();
    assert!(matches!(refused, ConnectError::Server(Fault::TooLarge)), "{refused}");
}

#[actix_web::test]
async fn what_cannot_work_is_said_at_the_start() {
    let authority = Authority::start();
    let wrong = authority.builder().credential("scheduling", "open barley").connect().await;
    assert!(matches!(wrong, Err(ConnectError::Server(Fault::Credential))));
    let elsewhere = authority.builder().reached_at("http://192.0.2.1").connect().await;
    assert!(matches!(elsewhere, Err(ConnectError::Plaintext(_))));
    let nowhere = authority.builder().reached_at("ftp://localhost").connect().await;
    assert!(matches!(nowhere, Err(ConnectError::Address(_))));
    authority.state.inner().is_down = true;
    let down = authority.builder().connect().await;
    assert!(matches!(down, Err(ConnectError::Server(Fault::Status(503)))));
}
