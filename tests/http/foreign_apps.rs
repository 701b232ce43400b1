//! Authenticator apps of other projects: oathtool, and `PyOTP` with the URI that an independent reader finds
//! in the picture, as a browser draws it.

use std::process::Command;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::json;

use crate::member::Member;
use crate::pyjwt::python;
use crate::qr_code::scanned;

const STEP: Duration = Duration::from_secs(30);

/// Parses the URI as an app does, so that its digits, algorithm and period count too.
const PYOTP: &str = "import pyotp, sys; print(pyotp.parse_uri(sys.argv[1]).at(int(sys.argv[2])))";

fn seconds(server: &TestServer) -> String {
    server.clock().now().as_seconds().to_string()
}

fn pyotp(server: &TestServer, uri: &str) -> String {
    run(Command::new(python()).args(["-c", PYOTP, uri, &seconds(server)]))
}

fn oathtool(server: &TestServer, secret: &str) -> String {
    let now = format!("@{}", seconds(server));
    run(Command::new("oathtool").args(["--totp", "--base32", "--now", &now, secret]))
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a code is a text").trim_end().to_owned()
}

#[test]
fn codes_of_oathtool_and_pyotp_confirm_sign_in_and_step_up() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let started =
            ada.post("/api/auth/mfa/totp/enrol", &json!({ "current_password": PASSWORD }));
        let (uri, secret) = (started.field("uri"), started.field("secret"));
        let code = pyotp(&server, &uri);
        assert_eq!(code, oathtool(&server, &secret));
        let confirmed = ada.post("/api/auth/mfa/totp/confirm", &json!({ "code": code }));
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        ada.token = confirmed.field("access_token");

        server.clock().advance(STEP);
        let mut browser = Browser::of(&server);
        let token = browser.sign_in_for_tokens("ada").field("mfa_token");
        let answer = json!({ "mfa_token": token, "code": oathtool(&server, &secret) });
        let signed_in = browser.post("/api/auth/login/mfa", &answer);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);

        server.clock().advance(STEP);
        let stepped = ada.post("/api/auth/mfa/step-up", &json!({ "code": pyotp(&server, &uri) }));
        assert_eq!(stepped.status, 200, "{}", stepped.text);
    });
}

#[test]
fn an_app_that_scans_the_picture_signs_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let started = ada.post("/api/auth/mfa/totp/enrol", &json!({ "current_password": PASSWORD }));
    let uri = scanned(&started.field("qr_code"));
    assert_eq!(uri, started.field("uri"));
    let confirmed =
        ada.post("/api/auth/mfa/totp/confirm", &json!({ "code": pyotp(&server, &uri) }));
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    ada.token = confirmed.field("access_token");
    assert_eq!(ada.get("/api/auth/me").json()["mfa_enabled"], true);
}
