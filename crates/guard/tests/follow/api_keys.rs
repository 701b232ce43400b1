//! API keys: what the guard asks the server about them, and for how long it uses the answers.

use std::time::Duration;

use futures_util::future::{FutureExt, join_all};
use portcullis_guard::access::{DecisionContext, Matrix};
use portcullis_guard::domain::{ApiKeyId, AssuranceLevel, Clock, SystemRandom};
use portcullis_guard::token::ApiKey;
use portcullis_guard::{Claims, ClientAddress, Credential, Guard, Refusal, WhenStale};

use crate::authority::{Authority, STALE, admit as admit_text};

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}

const SECOND: Duration = Duration::from_secs(1);
const INACTIVE: &str = "an API key that is not active";
const UNCHECKED: &str = "an API key that the server has not checked";

async fn connect(authority: &Authority, then: WhenStale) -> Guard {
    let matrix = Matrix::parse(words::MATRIX).unwrap();
    let builder = authority.builder().matrix(matrix).when_stale(then, STALE).api_keys();
    builder.connect().await.unwrap()
}

/// Whether the guard lets the key in; what it says otherwise.
async fn admit(guard: &Guard, key: &ApiKey) -> Result<(), String> {
    admit_text(guard, key.expose()).await
}

async fn claims(guard: &Guard, key: &ApiKey) -> Result<Claims, Refusal> {
    guard.admit([format!("Bearer {}", key.expose()).as_bytes()], None).await
}

/// A well-formed key that the server does not know.
fn unknown(authority: &Authority) -> ApiKey {
    let id = ApiKeyId::generate(authority.clock.now(), &SystemRandom);
    ApiKey::generate(id, &SystemRandom)
}

#[actix_web::test]
async fn a_guard_takes_no_key_unless_its_service_wants_that() {
    let authority = Authority::start();
    let guard = authority.builder().connect().await.unwrap();
    let key = authority.api_key("coordinator", "schedule:create");
    assert!(matches!(claims(&guard, &key).await, Err(Refusal::InvalidToken(_))));
    assert_eq!(authority.introspections(), 0);
}

#[actix_web::test]
async fn a_key_may_do_what_both_its_scope_and_the_role_of_its_owner_allow() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let key = authority.api_key("coordinator", "schedule:create user:delete");
    let caller = claims(&guard, &key).await.unwrap();
    let (id, scope) = caller.api_key().unwrap();
    assert_eq!((id, scope.to_string().as_str()), (key.id(), "schedule:create user:delete"));
    assert_eq!((caller.role.as_str(), caller.session()), ("coordinator", None));
    let permit = |caller: &Claims, resource, action| {
        guard.permit(caller, resource, action, &DecisionContext::default())
    };
    permit(&caller, "schedule", "create").unwrap();
    let beyond_role = permit(&caller, "user", "delete").unwrap_err();
    assert!(matches!(beyond_role, Refusal::Denied(_)), "{beyond_role}");
    let beyond_scope = permit(&caller, "schedule", "read").unwrap_err();
    assert!(matches!(beyond_scope, Refusal::OutOfScope { key, .. } if key == id), "{beyond_scope}");
    let all =
        Credential::ApiKey { key: id, scope: "*:*".parse::<_>().map(std::sync::Arc::new).unwrap() };
    permit(&Claims { credential: all, ..caller.clone() }, "schedule", "read").unwrap();

    for level in [AssuranceLevel::Aal1, AssuranceLevel::Aal2] {
        for max_age in [None, Some(Duration::MAX)] {
            let refused = guard.require_acr(&caller, level, max_age);
            assert!(matches!(refused, Err(Refusal::ApiKeyNotAccepted(it)) if it == id));
        }
    }
}

#[actix_web::test]
async fn an_owner_that_must_change_its_password_is_refused() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let key = authority.api_key("coordinator", "*:*");
    authority.state.inner().api_keys.get_mut(key.expose()).unwrap()["password_must_change"] =
        true.into();
    assert!(matches!(claims(&guard, &key).await, Err(Refusal::PasswordMustChange)));
}

#[actix_web::test]
async fn a_hundred_requests_at_once_are_one_question_and_a_revoked_key_is_refused_within_a_second()
{
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Accept).await;
    let key = authority.api_key("coordinator", "*:*");
    let admitted = join_all((0..100).map(|_| admit(&guard, &key))).await;
    assert!(admitted.iter().all(Result::is_ok));
    assert_eq!(authority.introspections(), 1);
    authority.clock.advance(SECOND);
    assert_eq!(admit(&guard, &key).await, Ok(()));
    assert_eq!(authority.introspections(), 2);
    authority.state.inner().api_keys.clear();
    authority.clock.advance(SECOND);
    assert_eq!(admit(&guard, &key).await.unwrap_err(), INACTIVE);
}

#[actix_web::test]
async fn a_flood_of_one_wrong_key_is_one_question_a_second_and_a_mistyped_key_is_none() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let wrong = unknown(&authority);
    for second in 1..=3 {
        for _ in 0..10 {
            let refused = join_all((0..100).map(|_| admit(&guard, &wrong))).await;
            assert!(refused.iter().all(|it| it.as_ref().unwrap_err() == INACTIVE));
        }
        assert_eq!(authority.introspections(), second);
        authority.clock.advance(SECOND);
    }
    for text in ["pk_", "pk_x", &wrong.expose()[..61], &format!("{}0", wrong.expose())] {
        assert_eq!(admit_text(&guard, text).await.unwrap_err(), INACTIVE, "{text}");
    }
    assert_eq!(authority.introspections(), 3);
}

#[actix_web::test]
async fn the_server_is_told_the_address_of_the_client_and_each_client_has_its_own_answer() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let key = authority.api_key("coordinator", "*:*");
    let value = format!("Bearer {}", key.expose());
    for address in ["::ffff:192.0.2.7", "192.0.2.7", "2001:db8::7", "192.0.2.7"] {
        let client = ClientAddress::new(address.parse().unwrap());
        guard.admit([value.as_bytes()], Some(client)).await.unwrap();
    }
    guard.admit([value.as_bytes()], None).await.unwrap();
    let token = format!("token={}", key.expose());
    let expected = [
        format!("{token}&client_address=192.0.2.7"),
        format!("{token}&client_address=2001:db8::7"),
        token,
    ];
    assert_eq!(authority.state.inner().asked.introspections, expected);
}

#[actix_web::test]
async fn without_the_server_keys_are_refused_or_accepted_for_ten_minutes_as_the_service_chose() {
    let authority = Authority::start();
    let closed = connect(&authority, WhenStale::Refuse).await;
    let open = connect(&authority, WhenStale::Accept).await;
    let [known, ending] = [0, 1].map(|_| authority.api_key("coordinator", "*:*"));
    let never_seen = authority.api_key("coordinator", "*:*");
    let end = authority.clock.now().as_seconds() + 60;
    authority.state.inner().api_keys.get_mut(ending.expose()).unwrap()["exp"] = end.into();
    for guard in [&closed, &open] {
        for key in [&known, &ending] {
            assert_eq!(admit(guard, key).await, Ok(()));
        }
    }
    authority.state.inner().is_down = true;
    authority.clock.advance(59 * SECOND);
    assert_eq!(admit(&closed, &known).await.unwrap_err(), UNCHECKED);
    assert_eq!(admit(&open, &known).await, Ok(()));
    assert_eq!(admit(&open, &ending).await, Ok(()));
    assert_eq!(admit(&open, &never_seen).await.unwrap_err(), UNCHECKED);
    authority.clock.advance(SECOND);
    assert_eq!(admit(&open, &ending).await.unwrap_err(), INACTIVE, "its life is over");
    authority.clock.advance(540 * SECOND);
    assert_eq!(admit(&open, &known).await, Ok(()), "ten minutes");
    authority.clock.advance(SECOND);
    assert_eq!(admit(&open, &known).await.unwrap_err(), UNCHECKED);
    authority.state.inner().is_down = false;
    authority.clock.advance(SECOND);
    for guard in [&closed, &open] {
        assert_eq!(admit(guard, &known).await, Ok(()));
    }
}

#[actix_web::test]
async fn a_server_that_hangs_gets_thirty_two_questions_at_a_time_and_callers_get_an_answer() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    authority.state.inner().is_hanging = true;
    let keys: Vec<_> = (0..400).map(|_| unknown(&authority)).collect();
    let refused = join_all(keys.iter().map(|key| admit(&guard, key))).await;
    assert!(refused.iter().all(|it| it.as_ref().unwrap_err() == UNCHECKED));
    // At the end of their time, those that had a turn leave it to some of those that waited.
    let asked = authority.introspections();
    assert!((32..=64).contains(&asked), "{asked}");
    // Afterwards there is room again.
    authority.state.inner().is_hanging = false;
    let key = authority.api_key("coordinator", "*:*");
    assert_eq!(admit(&guard, &key).await, Ok(()));
}

#[actix_web::test]
async fn a_client_that_leaves_ends_no_question_of_the_others() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let key = authority.api_key("coordinator", "*:*");
    let left = admit(&guard, &key).now_or_never();
    assert!(left.is_none(), "it has asked, and not waited");
    assert_eq!(admit(&guard, &key).await, Ok(()));
    assert_eq!(authority.introspections(), 1);
}

#[actix_web::test]
async fn no_key_is_printed() {
    let authority = Authority::start();
    let guard = connect(&authority, WhenStale::Refuse).await;
    let key = authority.api_key("coordinator", "a:b");
    let caller = claims(&guard, &key).await.unwrap();
    let denied = guard.permit(&caller, "schedule", "read", &DecisionContext::default());
    let refused = claims(&guard, &unknown(&authority)).await.unwrap_err();
    let texts = [format!("{guard:?}"), format!("{caller:?}"), format!("{denied:?}{refused:?}")];
    let secret = &key.expose()[26..];
    for text in texts {
        assert!(!text.contains(secret), "{text}");
    }
}
