//! Change of the secret key: with the previous key all tokens stay valid; without it no server starts until
//! an operator accepts that everything signed with it becomes invalid.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, ServerProcess, TestDatabase};
use serde_json::Value;

use crate::environment::{SECRET, folder};

const NEW_SECRET: &str = "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU";

#[test]
fn with_the_previous_secret_at_hand_everything_goes_on() {
    for algorithm in ["HS256", "EdDSA", "ES256"] {
        let database = TestDatabase::postgres();
        let data = folder();
        let start = |secrets: &[(&'static str, &'static str)]| {
            let mut environment = vec![
                ("DATABASE_URL", database.url()),
                ("PORTCULLIS__TOKENS__ALGORITHM", algorithm),
                ("PORTCULLIS__SERVER__BASE_URL", "http://auth.example.test"),
                ("PORTCULLIS__TOKENS__ISSUER", "https://auth.example.test"),
            ];
            environment.extend_from_slice(secrets);
            ServerProcess::start(data.path(), &environment)
        };

        let mut server = start(&[("SECRET_KEY", SECRET)]);
        let mut page = Browser::at(server.origin());
        assert_eq!(page.register("ada").status, 201);
        assert_eq!(page.sign_in("ada").status, 200);
        let csrf = page.csrf_token();
        let service = Browser::at(server.origin()).sign_in_for_tokens("ada");
        let keys = published(&server);
        stop(&mut server);

        let mut server = start(&[("SECRET_KEY", NEW_SECRET), ("SECRET_KEY_PREVIOUS", SECRET)]);
        assert_eq!(published(&server), keys, "the keys are the same");
        assert_eq!(me(&server, &service.field("access_token")).status, 200);
        let refreshed = Browser::at(server.origin()).refresh(&service.field("refresh_token"));
        assert_eq!(refreshed.status, 200, "{}", refreshed.text);
        // The page has another address of the server, and the same name.
        let mut moved = Browser::at(server.origin());
        moved.cookies().clone_from(page.cookies());
        let headers = [("origin", "http://auth.example.test"), ("x-csrf-token", csrf.as_str())];
        assert_eq!(moved.send("POST", "/api/auth/logout", &headers, "").status, 204);
        assert_eq!(verified(&server), (0, true), "the audit log goes on under the new secret");
        stop(&mut server);

        let mut server = start(&[("SECRET_KEY", NEW_SECRET)]);
        assert_eq!(published(&server), keys, "they are sealed under the new secret by now");
        let token = refreshed.field("access_token");
        assert_eq!(me(&server, &token).status, 200);
        let refreshed = Browser::at(server.origin()).refresh(&refreshed.field("refresh_token"));
        assert_eq!(refreshed.status, 200, "{}", refreshed.text);
        assert_eq!(verified(&server), (1, false), "the beginning needs the secret it was under");
        stop(&mut server);

        let server = start(&[("SECRET_KEY", NEW_SECRET), ("SECRET_KEY_PREVIOUS", SECRET)]);
        assert_eq!(verified(&server), (0, true));
    }
}

#[test]
fn a_lost_secret_is_replaced_by_the_operator_and_all_users_sign_in_again() {
    let database = TestDatabase::sqlite();
    let data = folder();
    let prepare = |secret: &'static str| {
        let environment = [
            ("DATABASE_URL", database.url()),
            ("PORTCULLIS__TOKENS__ALGORITHM", "EdDSA"),
            ("PORTCULLIS__TOKENS__ISSUER", "https://auth.example.test"),
            ("SECRET_KEY", secret),
        ];
        ServerProcess::prepare(data.path(), &environment)
    };
    let mut server = prepare(SECRET);
    server.restart();
    let mut browser = Browser::at(server.origin());
    browser.register("ada");
    let before = browser.sign_in_for_tokens("ada");
    let keys = published(&server);
    stop(&mut server);

    let mut server = prepare(NEW_SECRET);
    server.launch();
    let refused = server.ended_within(Duration::from_secs(60)).expect("it does not start");
    assert_eq!(refused.code(), Some(1), "{}", server.log());
    assert!(server.log().contains("keys accept-secret"), "{}", server.log());
    assert!(server.run(&["keys", "accept-secret"]).status.success());

    server.restart();
    assert_ne!(published(&server), keys);
    assert_eq!(me(&server, &before.field("access_token")).code(), "invalid_token");
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.refresh(&before.field("refresh_token")).code(), "invalid_refresh_token");
    let again = browser.sign_in_for_tokens("ada");
    assert_eq!(me(&server, &again.field("access_token")).status, 200);
}

fn me(server: &ServerProcess, token: &str) -> Answer {
    Browser::at(server.origin()).get_as("/api/auth/me", token)
}

fn published(server: &ServerProcess) -> Value {
    Browser::at(server.origin()).get("/.well-known/jwks.json", &[]).json()
}

/// The exit code of `audit verify` with the environment of the server, and its result.
fn verified(server: &ServerProcess) -> (i32, bool) {
    let output = server.run(&["audit", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    let code = output.status.code().expect("it was not killed");
    (code, report["intact"].as_bool().expect("it says so"))
}

fn stop(server: &mut ServerProcess) {
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
}
