//! Passkeys over HTTP: registration, sign-in, second factor, step-up, list, and the bounds of their bodies.

use portcullis_testkit::{
    Browser, PASSWORD, SoftAlgorithm, SoftAuthenticator, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

use crate::member::Member;

fn start(database: TestDatabase) -> TestServer {
    TestServer::with(database, TestSettings { named: true, ..TestSettings::default() })
}

/// Starts a sign-in, and returns its options.
fn options(browser: &mut Browser, delivery: &str) -> Value {
    let body = json!({ "delivery": delivery });
    browser.post("/api/auth/login/passkey/options", &body).json()["public_key"].clone()
}

#[test]
fn a_browser_registers_a_passkey_and_signs_in_without_a_name() {
    TestDatabase::on_both(|database| {
        let server = start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        browser.sign_in("ada");
        let (csrf, origin) = (browser.csrf_token(), server.origin().to_owned());
        let headers = [
            ("content-type", "application/json"),
            ("x-csrf-token", csrf.as_str()),
            ("origin", origin.as_str()),
        ];
        let mut send =
            |path: &str, body: &Value| browser.send("POST", path, &headers, &body.to_string());
        let started = send("/api/auth/passkeys/options", &json!({ "current_password": PASSWORD }));
        assert_eq!(started.status, 200, "{}", started.text);
        let mut phone = SoftAuthenticator::default();
        let credential = phone.create(&started.json()["public_key"], &origin);
        let registration = json!({ "credential": credential, "name": "Phone" });
        let registered = send("/api/auth/passkeys/verify", &registration);
        assert_eq!(registered.json()["account"]["mfa_enabled"], true, "{}", registered.text);
        assert_eq!(browser.get("/api/auth/me", &[]).status, 200, "with the new cookies");

        let mut browser = Browser::of(&server);
        let options = options(&mut browser, "cookie");
        assert_eq!(options["userVerification"], "required");
        assert_eq!(browser.cookies().keys().collect::<Vec<_>>(), ["passkey_binding"]);
        let body = json!({ "credential": phone.get(&options, &origin), "device_name": "Laptop" });
        let elsewhere = Browser::of(&server).post("/api/auth/login/passkey/verify", &body);
        assert_eq!((elsewhere.status, elsewhere.code().as_str()), (401, "invalid_passkey"));
        let signed_in = browser.post("/api/auth/login/passkey/verify", &body);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert!(!browser.cookies().contains_key("passkey_binding"), "it has served");
        assert_eq!(browser.post("/api/auth/login/passkey/verify", &body).status, 401, "used up");
        assert_eq!(browser.get("/api/auth/me", &[]).json()["username"], "ada");
        let sessions = browser.get("/api/auth/sessions", &[]).json();
        let sessions = sessions["items"].as_array().expect("a list");
        assert!(sessions.iter().any(|session| session["device"]["name"] == "Laptop"));
    });
}

#[test]
fn a_client_without_cookies_uses_a_passkey_alone_beside_the_password_and_for_a_step_up() {
    let server = start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let mut key = SoftAuthenticator::security_key(SoftAlgorithm::EdDsa);
    ada.add_passkey(&server, &mut key);
    let mut browser = Browser::of(&server);
    let challenge = browser.sign_in_for_tokens("ada").json();
    let credential = key.get(&challenge["public_key"], server.origin());
    let token = &challenge["mfa_token"];
    let both = json!({ "mfa_token": token, "code": "000000", "credential": credential });
    assert_eq!(browser.post("/api/auth/login/mfa", &both).code(), "invalid_request");
    let answer = json!({ "mfa_token": token, "credential": credential });
    let signed_in = browser.post("/api/auth/login/mfa", &answer);
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    ada.token = signed_in.field("access_token");

    let options = ada.send("POST", "/api/auth/mfa/step-up/options", &[], "").json();
    let credential = key.get(&options["public_key"], server.origin());
    let stepped = ada.post("/api/auth/mfa/step-up", &json!({ "credential": credential }));
    assert_eq!(stepped.status, 200, "{}", stepped.text);
    let again = ada.post("/api/auth/mfa/step-up", &json!({ "credential": credential }));
    assert_eq!((again.status, again.code().as_str()), (403, "wrong_code"), "used");

    let body = |credential| json!({ "credential": credential });
    let alone = key.get(&options_of(&mut browser), server.origin());
    let refused = browser.post("/api/auth/login/passkey/verify", &body(alone));
    assert_eq!(refused.code(), "invalid_passkey", "it does not verify its user");
    key.user_verified = true;
    let challenge = browser.sign_in_for_tokens("ada").json();
    let credential = key.get(&challenge["public_key"], server.origin());
    let answer = json!({ "mfa_token": challenge["mfa_token"], "credential": credential });
    assert_eq!(browser.post("/api/auth/login/mfa", &answer).status, 200);
    let alone = key.get(&options_of(&mut browser), server.origin());
    let signed_in = browser.post("/api/auth/login/passkey/verify", &body(alone));
    assert!(!signed_in.field("access_token").is_empty());
}

fn options_of(browser: &mut Browser) -> Value {
    options(browser, "body")
}

#[test]
fn passkeys_are_listed_renamed_and_removed_by_their_owner_only() {
    let server = start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let mut eve = Member::new(&server, "eve", "msa");
    ada.add_passkey(&server, &mut SoftAuthenticator::default());
    eve.add_passkey(&server, &mut SoftAuthenticator::default());
    let list = ada.get("/api/auth/passkeys").json();
    let passkey = &list["items"][0];
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(passkey["name"], "Phone");
    assert_eq!(passkey["signs_in_alone"], true);
    assert_eq!(passkey["transports"], json!(["hybrid", "internal"]));
    assert_eq!(ada.get("/api/auth/mfa").json()["passkeys"], 1);
    let path = format!("/api/auth/passkeys/{}", passkey["id"].as_str().expect("an id"));
    let json = [("content-type", "application/json")];
    let rename = json!({ "name": "Work phone" }).to_string();
    let remove = json!({ "current_password": PASSWORD }).to_string();
    for (method, body) in [("PATCH", &rename), ("DELETE", &remove)] {
        assert_eq!(eve.send(method, &path, &json, body).code(), "no_factor");
    }
    assert_eq!(ada.send("PATCH", &path, &json, &rename).status, 204);
    assert_eq!(ada.get("/api/auth/passkeys").json()["items"][0]["name"], "Work phone");
    let wrong = json!({ "current_password": "not the password" }).to_string();
    assert_eq!(ada.send("DELETE", &path, &json, &wrong).code(), "wrong_password");
    assert_eq!(ada.send("DELETE", &path, &json, &remove).status, 204);
    assert_eq!(ada.get("/api/auth/passkeys").json()["items"], json!([]));
    assert_eq!(ada.get("/api/auth/me").json()["mfa_enabled"], false);
}

#[test]
fn a_credential_of_another_page_or_form_is_refused_with_a_code() {
    let server = start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let password = json!({ "current_password": PASSWORD });
    let mut phone = SoftAuthenticator::default();
    let options = ada.post("/api/auth/passkeys/options", &password).json();
    let foreign = phone.create(&options["public_key"], "http://localhost:1");
    for credential in [foreign, json!({}), json!([]), json!("x"), json!(null)] {
        let body = json!({ "credential": credential, "name": "Phone" });
        let refused = ada.post("/api/auth/passkeys/verify", &body);
        assert_eq!((refused.status, refused.code().as_str()), (422, "passkey_refused"));
    }
    ada.add_passkey(&server, &mut phone);
    let mut browser = Browser::of(&server);
    let begun = options_of(&mut browser);
    let foreign = phone.get(&begun, "https://localhost.example.org");
    for credential in [foreign, json!({ "id": "x" }), json!(1)] {
        let body = json!({ "credential": credential });
        let refused = browser.post("/api/auth/login/passkey/verify", &body);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_passkey"));
    }
    let long = json!({ "credential": { "id": "A".repeat(100_000) } });
    assert!([413, 401].contains(&browser.post("/api/auth/login/passkey/verify", &long).status));
}

#[test]
fn a_server_without_a_domain_name_says_that_it_has_no_passkeys() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::new(&server, "ada", "msa");
    let password = json!({ "current_password": PASSWORD });
    let refused = ada.post("/api/auth/passkeys/options", &password);
    assert_eq!((refused.status, refused.code().as_str()), (404, "no_passkeys"));
    let mut browser = Browser::of(&server);
    let refused = browser.post("/api/auth/login/passkey/options", &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (404, "no_passkeys"));

    let named = start(TestDatabase::sqlite());
    let mut phone = SoftAuthenticator::default();
    Member::new(&named, "ada", "msa").add_passkey(&named, &mut phone);
    let origin = named.origin();
    let credential = phone.get(&options_of(&mut Browser::of(&named)), origin);
    let body = json!({ "credential": credential });
    let refused = browser.post("/api/auth/login/passkey/verify", &body);
    assert_eq!((refused.status, refused.code().as_str()), (404, "no_passkeys"));
}
