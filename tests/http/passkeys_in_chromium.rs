//! Passkeys in a real browser, with its virtual authenticator (Web Authentication level 3, section 11).

use portcullis_testkit::{
    Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

/// Helpers of a page: requests with the CSRF token of the browser, and both ceremonies.
const SCRIPT: &str = r"
    window.send = async (method, path, body) => {
        const csrf = (await (await fetch('/api/auth/csrf')).json()).csrf_token;
        const headers = { 'content-type': 'application/json' };
        if (csrf) headers['x-csrf-token'] = csrf;
        const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
        const text = await answer.text();
        return { status: answer.status, ...(text ? JSON.parse(text) : {}) };
    };
    window.create = async (options) => {
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
        try { return (await navigator.credentials.create({ publicKey })).toJSON(); }
        catch (error) { return { error: error.name, message: error.message }; }
    };
    window.use = async (options, further) => {
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        try { return (await navigator.credentials.get({ publicKey, ...further })).toJSON(); }
        catch (error) { return { error: error.name, message: error.message }; }
    };
    window.register = async (password, name) => {
        const { public_key } = await send('POST', '/api/auth/passkeys/options', { current_password: password });
        const credential = await create(public_key);
        if (credential.error) return credential;
        return send('POST', '/api/auth/passkeys/verify', { credential, name });
    };
    window.signIn = async (further) => {
        const { public_key } = await send('POST', '/api/auth/login/passkey/options', {});
        const credential = await use(public_key, further);
        if (credential.error) return credential;
        return send('POST', '/api/auth/login/passkey/verify', { credential });
    };
    window.password = (username, password) =>
        send('POST', '/api/auth/login/json', { username, password });
    true
";

/// A server with an account, and a browser with a page of the server.
struct Setting {
    server: TestServer,
    chromium: Chromium,
}

impl Setting {
    fn new() -> Self {
        let settings = TestSettings { named: true, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        Browser::of(&server).register("ada");
        Self { server, chromium: Chromium::start() }
    }
}

fn open(page: &mut Page<'_>, origin: &str) {
    // The script of the test is none that the server allows.
    page.ignore_content_policies();
    page.open(&format!("{origin}/health/live"));
    page.evaluate(SCRIPT);
}

/// Adds an authenticator to the tab, and returns its id.
fn authenticator(page: &mut Page<'_>, verifies_user: bool) -> String {
    page.call("WebAuthn.enable", &json!({}));
    let transport = if verifies_user { "internal" } else { "usb" };
    let options = json!({ "options": {
        "protocol": "ctap2", "transport": transport, "hasResidentKey": verifies_user,
        "hasUserVerification": verifies_user, "isUserVerified": verifies_user,
        "automaticPresenceSimulation": true,
    } });
    let added = page.call("WebAuthn.addVirtualAuthenticator", &options);
    added["authenticatorId"].as_str().expect("an id").to_owned()
}

/// The arguments as the source text of a call.
fn call(function: &str, arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|it| json!(it).to_string()).collect();
    format!("{function}({})", arguments.join(", "))
}

/// Signs in with the password and registers a passkey.
fn register(page: &mut Page<'_>) {
    assert_eq!(page.evaluate(&call("password", &["ada", PASSWORD]))["status"], 200);
    let registered = page.evaluate(&call("register", &[PASSWORD, "Chromium"]));
    assert_eq!(registered["status"], 200, "{registered}");
}

fn sign_out(page: &mut Page<'_>) {
    let out = page.evaluate("send('POST', '/api/auth/logout')");
    assert_eq!(out["status"], 204, "{out}");
}

fn methods(server: &TestServer) -> Vec<String> {
    let live = "SELECT amr FROM sessions WHERE ended_at IS NULL";
    server.database().store().texts(live).expect("the database answers")
}

#[test]
fn a_passkey_registers_and_signs_in_without_a_name_and_its_removal_ends_that() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    authenticator(&mut page, true);
    register(&mut page);
    sign_out(&mut page);
    let signed_in = page.evaluate("signIn()");
    assert_eq!(signed_in["account"]["username"], "ada", "{signed_in}");
    assert_eq!(methods(&setting.server), ["hwk user mfa"]);
    let again = page.evaluate(&call("register", &[PASSWORD, "Again"]));
    assert_eq!(again["error"], "InvalidStateError", "the browser excludes a known credential");

    let list = page.evaluate("fetch('/api/auth/passkeys').then(answer => answer.json())");
    let id = list["items"][0]["id"].as_str().expect("an id").to_owned();
    let remove = format!(
        "send('DELETE', '/api/auth/passkeys/{id}', {{ current_password: {} }})",
        json!(PASSWORD)
    );
    assert_eq!(page.evaluate(&remove)["status"], 204);
    sign_out(&mut page);
    assert_eq!(page.evaluate("signIn()")["code"], "invalid_passkey");
}

#[test]
fn a_key_without_user_verification_is_a_second_factor_only() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    authenticator(&mut page, false);
    register(&mut page);
    sign_out(&mut page);
    assert_eq!(page.evaluate("signIn()")["error"], "NotAllowedError", "no PIN can be asked");
    let second = r"(async () => {
        const { mfa_token, public_key } = await password('ada', PASSWORD);
        const credential = await use(public_key);
        return send('POST', '/api/auth/login/mfa', { mfa_token, credential });
    })()";
    let second = second.replace("PASSWORD", &json!(PASSWORD).to_string());
    let signed_in = page.evaluate(&second);
    assert_eq!(signed_in["status"], 200, "{signed_in}");
    assert_eq!(methods(&setting.server), ["pwd hwk user mfa"]);

    let step_up = r"(async () => {
        const { public_key } = await send('POST', '/api/auth/mfa/step-up/options');
        const credential = await use(public_key);
        return send('POST', '/api/auth/mfa/step-up', { credential });
    })()";
    let stepped = page.evaluate(step_up);
    assert_eq!(stepped["status"], 200, "{stepped}");
}

#[test]
fn autofill_offers_the_passkey() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    authenticator(&mut page, true);
    register(&mut page);
    sign_out(&mut page);
    let available = "PublicKeyCredential.isConditionalMediationAvailable()";
    assert_eq!(page.evaluate(available), true);
    page.evaluate(
        r#"document.body.innerHTML = '<input name="username" autocomplete="username webauthn">'; true"#,
    );
    let signed_in = page.evaluate("signIn({ mediation: 'conditional' })");
    assert_eq!(signed_in["account"]["username"], "ada", "{signed_in}");
}

#[test]
fn a_copy_with_an_older_counter_signs_in_and_its_owner_is_told() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    let first = authenticator(&mut page, true);
    register(&mut page);
    let by_id = json!({ "authenticatorId": first });
    let copy = page.call("WebAuthn.getCredentials", &by_id)["credentials"][0].clone();
    sign_out(&mut page);
    page.evaluate("signIn()");
    sign_out(&mut page);
    page.call("WebAuthn.removeVirtualAuthenticator", &by_id);
    let second = authenticator(&mut page, true);
    let add = json!({ "authenticatorId": second, "credential": copy });
    page.call("WebAuthn.addCredential", &add);
    let signed_in = page.evaluate("signIn()");
    assert_eq!(signed_in["status"], 200, "{signed_in}");
    let alerts = "SELECT count(*) FROM outbox WHERE kind = 'passkey_counter_went_back'";
    assert_eq!(setting.server.database().store().number(alerts).expect("a number"), 1);
}

#[test]
fn pages_of_another_origin_get_no_assertion_that_the_server_accepts() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    authenticator(&mut page, true);
    register(&mut page);
    sign_out(&mut page);
    let begin = "send('POST', '/api/auth/login/passkey/options', { delivery: 'body' })";
    let options = page.evaluate(begin)["public_key"].clone();

    // Another port of the same host has the same relying party id, and another origin.
    let settings = TestSettings { named: true, ..TestSettings::default() };
    let other = TestServer::with(TestDatabase::sqlite(), settings);
    open(&mut page, other.origin());
    let credential = page.evaluate(&format!("use({options})"));
    assert!(credential["id"].is_string(), "the browser allows the host: {credential}");
    let body = json!({ "credential": credential });
    let refused = Browser::of(&setting.server).post("/api/auth/login/passkey/verify", &body);
    assert_eq!(refused.code(), "invalid_passkey");

    let mut foreign = options;
    foreign["rpId"] = "example.org".into();
    assert_eq!(page.evaluate(&format!("use({foreign})"))["error"], "SecurityError");
}

#[test]
fn a_challenge_is_used_once_and_in_its_browser() {
    let mut setting = Setting::new();
    let mut page = setting.chromium.page();
    open(&mut page, setting.server.origin());
    authenticator(&mut page, true);
    register(&mut page);
    sign_out(&mut page);
    let twice = r"(async () => {
        const { public_key } = await send('POST', '/api/auth/login/passkey/options', {});
        const credential = await use(public_key);
        const path = '/api/auth/login/passkey/verify';
        return [credential, await send('POST', path, { credential }), await send('POST', path, { credential })];
    })()";
    let Value::Array(answers) = page.evaluate(twice) else { panic!("a list") };
    assert_eq!(
        (&answers[1]["status"], &answers[2]["code"]),
        (&json!(200), &json!("invalid_passkey"))
    );

    let begin = r"(async () => {
        const { public_key } = await send('POST', '/api/auth/login/passkey/options', {});
        return use(public_key);
    })()";
    let body = json!({ "credential": page.evaluate(begin) });
    let elsewhere = Browser::of(&setting.server).post("/api/auth/login/passkey/verify", &body);
    assert_eq!(elsewhere.code(), "invalid_passkey");
}
