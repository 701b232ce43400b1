//! Tests of `user factors` and `user reset-mfa`.

use std::time::Duration;

use portcullis_domain::{Clock, ExposeSecret, SystemClock};
use portcullis_mfa::TotpSeed;
use serde_json::{Value, json};

use crate::PASSWORD;
use crate::machine::{Machine, Server, within};

#[test]
fn user_factors_shows_what_an_account_has_and_reset_mfa_ends_its_sessions() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let shown = machine.run(&["user", "factors", "--username", "ada"]).exits_with(0);
    assert_eq!(shown.stdout.trim_end(), "The account has no second factor.");
    let shown = machine.run(&["user", "factors", "--username", "ADA", "--json"]).exits_with(0);
    assert_eq!(shown.json()["backup_codes_left"], 0);
    assert!(shown.json()["totp"].is_null());

    let (token, secret) = enrol_app(&server, &token);
    let shown = machine.run(&["user", "factors", "--username", "ada"]).exits_with(0).stdout;
    assert!(shown.starts_with("authenticator app: confirmed 20"), "{shown}");
    assert!(shown.ends_with("backup codes left: 10\n"), "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
    let listed = machine.run(&["user", "factors", "--username", "ada", "--json"]).json();
    assert!(listed["totp"]["confirmed_at"].is_string(), "{listed}");
    assert_eq!((&listed["backup_codes_left"], &listed["passkeys"]), (&json!(10), &json!([])));

    let reset = machine.run(&["user", "reset-mfa", "--username", "ada", "--json"]).exits_with(0);
    assert_eq!(reset.json()["sessions_ended"], 1);
    within(Duration::from_secs(10), || !server.knows(&token));
    let shown = machine.run(&["user", "factors", "--username", "ada"]).exits_with(0);
    assert_eq!(shown.stdout.trim_end(), "The account has no second factor.");
    let token = server.sign_in("ada");
    assert!(server.knows(&token), "the password alone signs in again");
    for verb in ["factors", "reset-mfa"] {
        let unknown = machine.run(&["user", verb, "--username", "nobody"]).exits_with(1);
        assert!(unknown.stderr.contains("there is no account"), "{}", unknown.stderr);
    }
}

#[test]
fn user_show_tells_that_the_codes_of_an_account_are_locked_and_user_unlock_opens_them() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    enrol_app(&server, &token);
    let login = json!({ "username": "ada", "password": PASSWORD, "delivery": "body" });
    let challenge = server.request("POST", "/api/auth/login/json", &login.to_string());
    let (_, body) = challenge.split_once("\r\n\r\n").unwrap();
    let challenge: Value = serde_json::from_str(body).unwrap();
    for _ in 0..5 {
        let wrong = json!({ "mfa_token": challenge["mfa_token"], "code": "000000" }).to_string();
        let refused = server.request("POST", "/api/auth/login/mfa", &wrong);
        assert!(refused.contains("invalid_code"), "{refused}");
    }
    let show =
        || machine.run(&["user", "show", "--username", "ada", "--json"]).exits_with(0).json();
    assert_eq!(show()["failures_in_a_row"], 5);
    assert!(show()["locked_until"].is_string(), "{}", show());
    machine.run(&["user", "unlock", "--username", "ada"]).exits_with(0);
    assert_eq!((&show()["failures_in_a_row"], &show()["locked_until"]), (&json!(0), &Value::Null));
}

/// Enrols an authenticator app and generates backup codes. Answers the new access token, and the secret of the app.
fn enrol_app(server: &Server, token: &str) -> (String, String) {
    let password = json!({ "current_password": PASSWORD });
    let started = server.post_as("/api/auth/mfa/totp/enrol", token, &password);
    let secret = started["secret"].as_str().unwrap().to_owned();
    let seed = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &secret).unwrap();
    let code = TotpSeed::from_bytes(seed.try_into().unwrap()).code_at(SystemClock::new().now());
    let code = json!({ "code": code.expose_secret() });
    let confirmed = server.post_as("/api/auth/mfa/totp/confirm", token, &code);
    let token = confirmed["access_token"].as_str().unwrap().to_owned();
    let codes = server.post_as("/api/auth/mfa/backup-codes", &token, &password);
    assert_eq!(codes["codes"].as_array().unwrap().len(), 10);
    (token, secret)
}
