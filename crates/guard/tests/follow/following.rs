//! A guard that follows a healthy authority.

use portcullis_guard::token::KeyPairAlgorithm;

use crate::authority::{Authority, admit, eventually};

#[actix_web::test]
async fn a_guard_knows_what_was_revoked_before_it_came_and_learns_what_is_revoked_after() {
    let authority = Authority::start();
    let [before, after, never] = [(); 3].map(|()| authority.token());
    authority.revoke(before.1);
    let guard = authority.builder().connect().await.unwrap();
    assert!(!guard.is_stale());
    assert!(admit(&guard, &before.0).await.unwrap_err().starts_with("a revoked token of"));
    assert_eq!(admit(&guard, &after.0).await, Ok(()));
    authority.revoke(after.1);
    eventually(|| guard.revocations().len() == 2).await;
    assert!(admit(&guard, &after.0).await.unwrap_err().starts_with("a revoked token of"));
    assert_eq!(admit(&guard, &never.0).await, Ok(()));
}

#[actix_web::test]
async fn a_rotation_is_noticed_with_the_first_token_under_the_new_key() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let old = authority.token().0;
    authority.rotate(KeyPairAlgorithm::Es256, true);
    let new = authority.token().0;
    assert_eq!(admit(&guard, &new).await, Ok(()));
    assert_eq!(admit(&guard, &old).await, Ok(()), "the old key is published still");
    assert_eq!(authority.state.inner().asked.keys, 2);
}

#[actix_web::test]
async fn made_up_keys_cause_no_more_than_one_request() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let good = authority.token().0;
    for _ in 0..50 {
        authority.rotate(KeyPairAlgorithm::EdDsa, false);
        let refused = admit(&guard, &authority.token().0).await;
        assert_eq!(refused.unwrap_err(), "the token names an unknown key");
    }
    assert_eq!(authority.state.inner().asked.keys, 2);
    assert_eq!(admit(&guard, &good).await, Ok(()));
}

#[actix_web::test]
async fn a_guard_with_the_shared_secret_asks_for_no_keys() {
    let authority = Authority::start();
    let guard = authority.builder().shared_secret(&[7; 32].into()).connect().await;
    assert!(guard.is_err(), "a snapshot under another key is not believed");
    assert_eq!(authority.state.inner().asked.keys, 0);
}

#[actix_web::test]
async fn the_last_handle_ends_the_connection() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let another = guard.clone();
    drop(guard);
    assert!(!another.is_stale());
    drop(another);
    eventually(|| {
        authority.revoke(authority.token().1);
        !authority.has_followers()
    })
    .await;
}
