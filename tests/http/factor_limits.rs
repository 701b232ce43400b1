//! Limits of what one factor opens: every route of the table is tried with the token of the first
//! step, and with a session that must enrol a second factor; that token is no other secret of a body;
//! and a stolen token or password alone changes no factor.

use portcullis_api::route_table;
use portcullis_domain::Clock;
use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_flows::sign_in::factor::FactorPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{
    AuthenticatorApp, Browser, PASSWORD, TestDatabase, TestServer, TestSettings,
};
use portcullis_web::Audience;
use serde_json::json;

use crate::introspection::introspect;
use crate::member::Member;

fn example(path: &str) -> String {
    path.replace("{number}", "1").replace("{id}", "1").replace("{network}", "1")
}

#[test]
fn the_token_of_the_first_step_opens_no_route() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "admin");
    ada.enrol_app(&server);
    let token = Browser::of(&server).sign_in_for_tokens("ada").field("mfa_token");
    let bearer = format!("Bearer {token}");
    let mut tried = 0;
    for route in route_table() {
        let (method, path) = (route.method.as_str(), example(route.path));
        let mut browser = Browser::of(&server);
        let answer = browser.send(method, &path, &[("authorization", &bearer)], "");
        if route.guard.is_signed_in() || route.guard.audience == Audience::Service {
            assert_eq!(answer.status, 401, "{method} {path}");
            tried += 1;
        }
        let mut browser = Browser::of(&server);
        for cookie in ["access_token", "refresh_binding", "device"] {
            browser.cookies().insert(cookie.to_owned(), token.clone());
        }
        let answer = browser.send(method, &path, &[], "");
        if route.guard.is_signed_in() {
            assert!([401, 403].contains(&answer.status), "{method} {path} by cookie");
        }
    }
    assert!(tried > 20, "{tried}");
    let refreshed = Browser::of(&server).refresh(&token);
    assert_eq!(refreshed.code(), "invalid_refresh_token");
}

#[test]
fn the_token_of_the_first_step_is_no_other_secret() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let app = ada.enrol_app(&server);
        let is_open = matches!(server.bootstrap(None), BootstrapState::Awaiting(_));
        assert!(is_open, "setup awaits its token");
        let mut browser = Browser::of(&server);
        let token = browser.sign_in_for_tokens("ada").field("mfa_token");
        let link = json!({ "token": token });
        let new = "amber-walrus-paints-9-fences";
        let reset = json!({ "token": token, "new_password": new });
        let invited = json!({ "username": "eve", "password": new, "invitation": token });
        let setup = json!({
            "setup_token": token, "username": "eve", "email": "eve@example.org", "password": new
        });
        let refresh = json!({ "refresh_token": token });
        for (path, body, status, code) in [
            ("/api/auth/password/reset", &reset, 410, "invalid_link"),
            ("/api/auth/email/verify", &link, 410, "invalid_link"),
            ("/api/auth/email/confirm", &link, 410, "invalid_link"),
            ("/api/auth/account/disavow", &link, 410, "invalid_link"),
            ("/api/auth/register", &invited, 410, "invalid_invitation"),
            ("/api/setup", &setup, 401, "invalid_setup_token"),
            ("/api/auth/refresh", &refresh, 401, "invalid_refresh_token"),
        ] {
            let refused = browser.post(path, body);
            assert_eq!((refused.status, refused.code().as_str()), (status, code), "{path}");
        }
        assert_eq!(introspect(&server, &token), json!({ "active": false }));
        let accounts = "SELECT count(*) FROM accounts";
        assert_eq!(server.database().store().number(accounts).expect("the database answers"), 1);

        let answer = json!({ "mfa_token": token, "code": app.code(server.clock().now()) });
        let signed_in = browser.post("/api/auth/login/mfa", &answer);
        assert_eq!(signed_in.status, 200, "it was alive all the time: {}", signed_in.text);
    });
}

#[test]
fn a_session_that_must_enrol_a_factor_can_do_only_that() {
    let factors = FactorPolicy { everybody: true, ..FactorPolicy::default() };
    let sessions = SessionPolicy { factors, ..TestSettings::default().sessions };
    let settings = TestSettings { sessions, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut admin = Member::new(&server, "grace", "admin");
    for route in route_table() {
        let (method, path) = (route.method.as_str(), example(route.path));
        if matches!(route.guard.audience, Audience::Caller | Audience::PasswordChange) {
            let answer = admin.send(method, &path, &[], "");
            let refusal = (answer.status, answer.code());
            assert_eq!(refusal, (403, "factor_required".to_owned()), "{method} {path}");
        }
    }
    for path in ["/api/auth/me", "/api/auth/csrf", "/api/auth/mfa"] {
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
    let refreshed = Browser::of(&server).sign_in_for_tokens("grace");
    let refreshed = Browser::of(&server).refresh(&refreshed.field("refresh_token"));
    let token = refreshed.field("access_token");
    let sessions = Browser::of(&server).get_as("/api/auth/sessions", &token);
    assert_eq!(sessions.code(), "factor_required", "a refresh changes nothing");

    admin.enrol_app(&server);
    assert_eq!(admin.get("/api/auth/sessions").status, 200);
    let kept = admin.post("/api/auth/mfa/totp/disable", &json!({ "current_password": PASSWORD }));
    assert_eq!(kept.code(), "last_factor");
}

#[test]
fn a_stolen_token_alone_or_a_stolen_password_alone_changes_no_factor() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let guess = json!({ "current_password": "not the password" });
    assert_eq!(ada.post("/api/auth/mfa/totp/enrol", &guess).code(), "wrong_password");
    let app: AuthenticatorApp = ada.enrol_app(&server);
    for path in ["totp/enrol", "totp/disable", "backup-codes"] {
        let path = format!("/api/auth/mfa/{path}");
        assert_eq!(ada.post(&path, &guess).code(), "wrong_password", "{path}");
        assert_eq!(ada.post(&path, &json!({})).status, 400, "{path}");
    }
    let thief = Browser::of(&server).sign_in_for_tokens("ada");
    assert!(thief.json()["access_token"].is_null(), "the password alone opens no session");
    let read = ada.get("/api/auth/mfa").text;
    assert!(!read.contains("secret") && !read.contains("otpauth"), "{read}");

    // The session of the owner is stolen, with the password, but without the app.
    server.clock().advance(std::time::Duration::from_secs(15 * 60));
    let password = json!({ "current_password": PASSWORD });
    let change = json!({ "current_password": PASSWORD, "new_password": "amber-walrus-paints-9" });
    let address = json!({ "current_password": PASSWORD, "email": "eve@example.net" });
    for (path, body) in [
        ("/api/auth/mfa/totp/enrol", &password),
        ("/api/auth/mfa/totp/disable", &password),
        ("/api/auth/mfa/backup-codes", &password),
        ("/api/auth/password/change", &change),
        ("/api/auth/email/change", &address),
        ("/api/auth/me/delete", &password),
    ] {
        let refused = ada.post(path, body);
        assert_eq!(refused.code(), "insufficient_user_authentication", "{path}");
    }
    assert_eq!(ada.get("/api/auth/me/data").code(), "insufficient_user_authentication");
    let code = app.code(server.clock().now());
    ada.token = ada.post("/api/auth/mfa/step-up", &json!({ "code": code })).field("access_token");
    assert_eq!(ada.post("/api/auth/password/change", &change).status, 200);
}
