//! SIGKILL between the steps of an enrolment, of a registration and of a sign-in: what was answered stays true,
//! what is unfinished can be finished, and a used code or challenge stays used.

use portcullis_testkit::{
    Answer, Browser, PASSWORD, ServerProcess, SoftAuthenticator, TestDatabase,
};
use serde_json::{Value, json};

use crate::environment::{folder, start};
use crate::owners::{App, BASE_URL, ORIGIN};

fn restart(server: &mut ServerProcess) {
    server.kill();
    server.restart();
}

fn on_both(test: impl Fn(&mut ServerProcess)) {
    TestDatabase::on_both(|database| {
        let data = folder();
        let mut server = start(data.path(), database.url(), &[BASE_URL]);
        assert_eq!(Browser::at(server.origin()).register("ada").status, 201);
        test(&mut server);
        assert!(!server.log().contains("panicked"), "{}", server.log());
    });
}

fn password(server: &ServerProcess) -> Answer {
    Browser::at(server.origin()).sign_in_for_tokens("ada")
}

fn post(server: &ServerProcess, path: &str, body: &Value) -> Answer {
    Browser::at(server.origin()).post(path, body)
}

fn post_as(server: &ServerProcess, token: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    Browser::at(server.origin()).send("POST", path, &headers, &body.to_string())
}

fn start_enrolment(server: &ServerProcess, token: &str) -> App {
    let body = json!({ "current_password": PASSWORD });
    App::of(&post_as(server, token, "/api/auth/mfa/totp/enrol", &body).field("secret"))
}

fn confirm(server: &ServerProcess, token: &str, code: &str) -> Answer {
    post_as(server, token, "/api/auth/mfa/totp/confirm", &json!({ "code": code }))
}

fn second_step(server: &ServerProcess, challenge: &str, code: &str) -> Answer {
    let body = json!({ "mfa_token": challenge, "code": code });
    post(server, "/api/auth/login/mfa", &body)
}

fn me(server: &ServerProcess, token: &str) -> Answer {
    Browser::at(server.origin()).get_as("/api/auth/me", token)
}

#[test]
fn an_enrolment_is_no_factor_before_its_confirmation_and_one_after_it() {
    on_both(|server| {
        let session = password(server).field("access_token");
        let mut app = start_enrolment(server, &session);
        restart(server);
        let alone = password(server);
        assert_eq!(alone.json()["account"]["mfa_enabled"], false, "{}", alone.text);

        let code = app.wait_for_code();
        let confirmed = confirm(server, &session, &code);
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        restart(server);
        for former in [&session, &alone.field("access_token")] {
            assert_eq!(me(server, former).status, 401, "it had one factor");
        }
        assert_eq!(me(server, &confirmed.field("access_token")).json()["mfa_enabled"], true);
        let challenge = password(server).field("mfa_token");
        assert_eq!(second_step(server, &challenge, &code).code(), "invalid_code");
        let signed_in = second_step(server, &challenge, &app.wait_for_code());
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    });
}

#[test]
fn a_challenge_outlives_a_kill_and_an_answered_one_and_its_code_stay_used() {
    on_both(|server| {
        let session = password(server).field("access_token");
        let mut app = start_enrolment(server, &session);
        assert_eq!(confirm(server, &session, &app.wait_for_code()).status, 200);
        let challenge = password(server).field("mfa_token");
        restart(server);
        let code = app.wait_for_code();
        let signed_in = second_step(server, &challenge, &code);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        restart(server);
        assert_eq!(second_step(server, &challenge, &code).code(), "invalid_mfa_token");
        let another = password(server).field("mfa_token");
        assert_eq!(second_step(server, &another, &code).code(), "invalid_code");
        assert_eq!(me(server, &signed_in.field("access_token")).status, 200);
    });
}

#[test]
fn a_passkey_is_registered_and_used_over_kills_and_each_challenge_once() {
    on_both(|server| {
        let session = password(server).field("access_token");
        let body = json!({ "current_password": PASSWORD });
        let options = post_as(server, &session, "/api/auth/passkeys/options", &body).json();
        restart(server);
        let alone = password(server);
        assert_eq!(alone.json()["account"]["mfa_enabled"], false, "{}", alone.text);
        let mut phone = SoftAuthenticator::default();
        let credential = phone.create(&options["public_key"], ORIGIN);
        let body = json!({ "credential": credential, "name": "Phone" });
        let path = "/api/auth/passkeys/verify";
        let registered = post_as(server, &session, path, &body);
        assert_eq!(registered.status, 200, "{}", registered.text);
        restart(server);
        let token = registered.field("access_token");
        assert_eq!(post_as(server, &token, path, &body).code(), "no_enrolment", "used");

        let body = json!({ "delivery": "body" });
        let options = post(server, "/api/auth/login/passkey/options", &body).json();
        restart(server);
        let body = json!({ "credential": phone.get(&options["public_key"], ORIGIN) });
        let signed_in = post(server, "/api/auth/login/passkey/verify", &body);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        restart(server);
        let again = post(server, "/api/auth/login/passkey/verify", &body);
        assert_eq!((again.status, again.code().as_str()), (401, "invalid_passkey"));
        assert_eq!(me(server, &signed_in.field("access_token")).status, 200);
    });
}
