//! Authenticator apps of other projects: oathtool, and `PyOTP` with the URI that an independent reader finds
//! in the picture, as a browser draws it.

use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Clock;
use portcullis_testkit::{Browser, Chromium, PASSWORD, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::member::Member;
use crate::pyjwt::python;

const STEP: Duration = Duration::from_secs(30);

/// Parses the URI as an app does, so that its digits, algorithm and period count too.
const PYOTP: &str = "import pyotp, sys; print(pyotp.parse_uri(sys.argv[1]).at(int(sys.argv[2])))";

/// Draws an image, and returns its size and its pixels: `#` for dark, `.` for light.
const DRAW: &str = r"(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement('canvas');
    const width = canvas.width = image.naturalWidth;
    const height = canvas.height = image.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let pixels = '';
    for (let at = 0; at < data.length; at += 4) pixels += data[at] < 128 ? '#' : '.';
    return { width, height, pixels };
})";

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

/// The text of the QR code in an SVG document.
fn scanned(svg: &str) -> String {
    let source = json!(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)));
    let mut chromium = Chromium::start();
    let drawn: Value = chromium.page().evaluate(&format!("{DRAW}({source})"));
    let side =
        |name: &str| usize::try_from(drawn[name].as_u64().expect("a number")).expect("it fits");
    let (width, height) = (side("width"), side("height"));
    let pixels = drawn["pixels"].as_str().expect("a text").as_bytes();
    assert_eq!(pixels.len(), width * height);
    let is_dark = |x: usize, y: usize| pixels[y * width + x] == b'#';
    let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, height, is_dark);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1, "one code in {width} × {height} pixels");
    codes[0].decode().expect("the code can be read").1
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
