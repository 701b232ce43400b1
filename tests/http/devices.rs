//! Known devices over HTTP: the list, and the end of one.

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::{Value, json};

fn sign_in(browser: &mut Browser, name: &str) {
    let body = json!({ "username": "ada", "password": PASSWORD, "device_name": name });
    let signed_in = browser.post("/api/auth/login/json", &body);
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
}

fn listed(browser: &mut Browser) -> Vec<Value> {
    let list = browser.get("/api/auth/devices", &[]);
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["items"].as_array().expect("items").clone()
}

/// The id of the device of that name.
fn id(devices: &[Value], name: &str) -> String {
    let device = devices.iter().find(|device| device["device"]["name"] == name);
    device.and_then(|device| device["id"].as_str()).expect("a device").to_owned()
}

fn forget(browser: &mut Browser, server: &TestServer, id: &str) -> Answer {
    let csrf = browser.csrf_token();
    let headers = [("origin", server.origin()), ("x-csrf-token", csrf.as_str())];
    browser.send("DELETE", &format!("/api/auth/devices/{id}"), &headers, "")
}

#[test]
fn a_person_sees_its_devices_and_ends_a_lost_one_with_its_sessions() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (mut laptop, mut phone) = (Browser::of(&server), Browser::of(&server));
        laptop.register("ada");
        sign_in(&mut laptop, "laptop");
        sign_in(&mut phone, "phone");
        let devices = listed(&mut laptop);
        assert_eq!(devices.len(), 2);
        let current: Vec<&Value> =
            devices.iter().filter(|device| device["current"] == true).collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0]["device"]["name"], "laptop");
        assert_eq!(current[0]["address"], "127.0.0.1");

        let lost = id(&devices, "phone");
        let path = format!("/api/auth/devices/{lost}");
        assert_eq!(laptop.send("DELETE", &path, &[], "").code(), "csrf_failed");
        assert_eq!(phone.get("/api/auth/me", &[]).status, 200);
        assert_eq!(forget(&mut laptop, &server, &lost).status, 204);
        assert_eq!(phone.get("/api/auth/me", &[]).status, 401);
        assert_eq!(forget(&mut laptop, &server, &lost).code(), "not_found", "once");
        assert_eq!(forget(&mut laptop, &server, "unknown").code(), "not_found");

        let mut grace = Browser::of(&server);
        grace.register("grace");
        assert_eq!(grace.sign_in("grace").status, 200);
        let own = id(&listed(&mut laptop), "laptop");
        assert_eq!(forget(&mut grace, &server, &own).code(), "not_found", "that of another");
        let ended = forget(&mut laptop, &server, &own);
        let cookies: Vec<_> =
            ended.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert!(cookies.iter().any(|(_, value)| value.starts_with("device=;")), "{cookies:?}");
        assert_eq!(laptop.get("/api/auth/me", &[]).status, 401, "its own session too");
    });
}
