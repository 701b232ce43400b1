//! Change of the secret key: with the previous key all tokens and factors stay valid; without it no server
//! starts until an operator accepts that everything signed with it becomes invalid.

use std::time::Duration;

use portcullis_testkit::{
    Answer, Browser, PASSWORD, ServerProcess, SoftAuthenticator, TestDatabase,
};
use serde_json::{Value, json};

use crate::environment::{SECRET, folder};
use crate::owners::{App, BASE_URL, ORIGIN};

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
fn with_the_previous_secret_at_hand_factors_are_sealed_again_and_outlive_it() {
    TestDatabase::on_both(|database| {
        let data = folder();
        let start = |secrets: &[(&'static str, &'static str)]| {
            let environment = [&[("DATABASE_URL", database.url()), BASE_URL], secrets].concat();
            ServerProcess::start(data.path(), &environment)
        };
        let mut server = start(&[("SECRET_KEY", SECRET)]);
        let owners = ["ada", "grace", "linus"];
        for name in owners {
            assert_eq!(Browser::at(server.origin()).register(name).status, 201);
        }
        let [ada, grace, linus] =
            owners.map(|name| Browser::at(server.origin()).sign_in_for_tokens(name));
        let mut app = enrolment(&server, &ada);
        let confirmed = confirm(&server, &ada, &mut app);
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        let codes = post_as(&server, &confirmed, "/api/auth/mfa/backup-codes", &password());
        let codes = codes.json()["codes"].clone();
        let mut pending = enrolment(&server, &linus);
        let mut phone = SoftAuthenticator::default();
        let options = post_as(&server, &grace, "/api/auth/passkeys/options", &password());
        let credential = phone.create(&options.json()["public_key"], ORIGIN);
        let body = json!({ "credential": credential, "name": "Phone" });
        assert_eq!(post_as(&server, &grace, "/api/auth/passkeys/verify", &body).status, 200);
        let former = sealed(&database);
        assert_eq!(former.len(), 3, "a seed, a set of backup codes and a passkey");
        stop(&mut server);

        let mut server = start(&[("SECRET_KEY", NEW_SECRET), ("SECRET_KEY_PREVIOUS", SECRET)]);
        let renewed = sealed(&database);
        assert_eq!(renewed.len(), 3);
        assert!(renewed.iter().all(|sealed| !former.contains(sealed)), "sealed again at the start");
        assert_eq!(sign_in_by_app(&server, "ada", &mut app).status, 200);
        assert_eq!(sign_in_by_code(&server, "ada", &codes[0]).status, 200);
        assert_eq!(sign_in_by_passkey(&server, &mut phone).status, 200);
        let confirmed = confirm(&server, &linus, &mut pending);
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        stop(&mut server);

        let mut server = start(&[("SECRET_KEY", NEW_SECRET)]);
        let kept = sealed(&database);
        assert!(renewed.iter().all(|sealed| kept.contains(sealed)), "nothing is left to do");
        assert_eq!(sign_in_by_app(&server, "ada", &mut app).status, 200);
        assert_eq!(sign_in_by_code(&server, "ada", &codes[1]).status, 200);
        assert_eq!(sign_in_by_code(&server, "ada", &codes[0]).code(), "invalid_code", "used");
        assert_eq!(sign_in_by_passkey(&server, &mut phone).status, 200);
        let signed_in = sign_in_by_app(&server, "linus", &mut pending);
        assert_eq!(signed_in.status, 200, "enrolled before the change: {}", signed_in.text);
        stop(&mut server);
        assert!(!server.log().contains("damaged"), "{}", server.log());
    });
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

/// The sealed seeds, backup codes and passkeys.
fn sealed(database: &TestDatabase) -> Vec<String> {
    let is_sqlite = database.url().starts_with("sqlite:");
    let hex = |column: &str| {
        if is_sqlite { format!("hex({column})") } else { format!("encode({column}, 'hex')") }
    };
    let [seed, codes, key] = ["seed", "sealed", "sealed_key"].map(hex);
    let query = format!(
        "SELECT {seed} FROM totp_factors UNION ALL SELECT {codes} FROM backup_codes \
         UNION ALL SELECT {key} FROM passkeys"
    );
    database.store().texts(&query).expect("the database answers")
}

fn password() -> Value {
    json!({ "current_password": PASSWORD })
}

fn post_as(server: &ServerProcess, signed_in: &Answer, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", signed_in.field("access_token"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    Browser::at(server.origin()).send("POST", path, &headers, &body.to_string())
}

fn enrolment(server: &ServerProcess, signed_in: &Answer) -> App {
    let started = post_as(server, signed_in, "/api/auth/mfa/totp/enrol", &password());
    App::of(&started.field("secret"))
}

fn confirm(server: &ServerProcess, signed_in: &Answer, app: &mut App) -> Answer {
    let body = json!({ "code": app.wait_for_code() });
    post_as(server, signed_in, "/api/auth/mfa/totp/confirm", &body)
}

fn sign_in_by_app(server: &ServerProcess, name: &str, app: &mut App) -> Answer {
    sign_in_by_code(server, name, &app.wait_for_code().into())
}

fn sign_in_by_code(server: &ServerProcess, name: &str, code: &Value) -> Answer {
    let mut browser = Browser::at(server.origin());
    let token = browser.sign_in_for_tokens(name).field("mfa_token");
    browser.post("/api/auth/login/mfa", &json!({ "mfa_token": token, "code": code }))
}

fn sign_in_by_passkey(server: &ServerProcess, phone: &mut SoftAuthenticator) -> Answer {
    let mut browser = Browser::at(server.origin());
    let body = json!({ "delivery": "body" });
    let options = browser.post("/api/auth/login/passkey/options", &body).json();
    let credential = phone.get(&options["public_key"], ORIGIN);
    browser.post("/api/auth/login/passkey/verify", &json!({ "credential": credential }))
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
