//! A range service of breached passwords that answers, lies, fails and hangs. The server refuses what it
//! lists, waits two seconds for it, and lets a password pass when it gives no answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, PASSWORD, ServerProcess};
use serde_json::json;
use sha1::{Digest, Sha1};

use crate::printed_mail::PrintedMail;

const NEW_PASSWORD: &str = "a-quiet-heron-counts-9-boats";

/// The budget is two seconds; the rest is for a machine that runs other tests too.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// The behaviour of the service at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    ListsAll,
    ListsNone,
    Fails,
    Hangs,
}

struct RangeServer {
    url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RangeServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let behaviour = Arc::new(Mutex::new(Behaviour::ListsNone));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Self { url, behaviour: behaviour.clone(), requests: requests.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (behaviour, requests) = (behaviour.clone(), requests.clone());
                thread::spawn(move || answer(stream, &behaviour, &requests));
            }
        });
        server
    }

    fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(mut stream: TcpStream, behaviour: &Mutex<Behaviour>, requests: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let behaviour = *behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = match behaviour {
        Behaviour::ListsAll => ("200 OK", [PASSWORD, NEW_PASSWORD].map(suffix).concat()),
        Behaviour::ListsNone => ("200 OK", format!("{}:3\r\n", "0".repeat(35))),
        Behaviour::Fails => ("500 Internal Server Error", String::new()),
        Behaviour::Hangs => {
            // Until the client gives up.
            let _ = stream.read(&mut byte);
            return;
        }
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

fn digest(typed: &str) -> String {
    let digest: [u8; 20] = Sha1::digest(typed).into();
    digest.map(|byte| format!("{byte:02X}")).concat()
}

fn suffix(typed: &str) -> String {
    format!("{}:7\r\n", &digest(typed)[5..])
}

fn is_breached(answer: &Answer) -> bool {
    answer.status == 422 && answer.json()["errors"][0]["code"] == "breached"
}

#[test]
fn a_service_decides_while_it_answers_and_never_stops_a_registration() {
    let (service, data) = (RangeServer::start(), tempfile::tempdir().expect("a directory"));
    let variable = ("PORTCULLIS__PASSWORDS__BREACH_SERVICE", service.url.as_str());
    let server = ServerProcess::start(data.path(), &[variable, ("PORTCULLIS__MODERATION", "off")]);
    let mut browser = Browser::at(server.origin());

    service.behave(Behaviour::ListsAll);
    let refused = browser.register("ada");
    assert!(is_breached(&refused), "{}", refused.status);
    service.behave(Behaviour::ListsNone);
    assert_eq!(browser.register("ada").status, 201);

    let tokens = browser.sign_in_for_tokens("ada");
    let access = tokens.field("access_token");
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    service.behave(Behaviour::ListsAll);
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let refused = browser.send("POST", "/api/auth/password/change", &headers, &change.to_string());
    assert!(is_breached(&refused), "{}", refused.status);

    let clock = SystemClock::new();
    for (name, behaviour) in [("bob", Behaviour::Fails), ("cyd", Behaviour::Hangs)] {
        service.behave(behaviour);
        let begin = clock.monotonic();
        assert_eq!(browser.register(name).status, 201, "{name}");
        assert!(clock.monotonic().saturating_sub(begin) < TIMEOUT, "{name}");
    }
    let metrics = Browser::at(&server.operations()).get("/metrics", &[]).text;
    for line in ["portcullis_breached_passwords_total 2", "portcullis_unchecked_passwords_total 2"]
    {
        assert!(metrics.lines().any(|other| other == line), "{line}: {metrics}");
    }
    let ranges = [PASSWORD, NEW_PASSWORD].map(|typed| digest(typed)[..5].to_owned());
    for request in service.requests() {
        let line = request.lines().next().unwrap_or_default();
        let is_range = |range: &String| line == format!("GET /range/{range} HTTP/1.1");
        assert!(ranges.iter().any(is_range), "{request}");
    }
    let log = server.log();
    assert!(!log.contains(PASSWORD) && !log.contains(&digest(PASSWORD)[..10]), "{log}");
}

#[test]
fn a_password_that_was_never_checked_is_checked_at_each_sign_in_until_the_service_answers() {
    let (service, data) = (RangeServer::start(), tempfile::tempdir().expect("a directory"));
    let variable = ("PORTCULLIS__PASSWORDS__BREACH_SERVICE", service.url.as_str());
    let server = ServerProcess::start(data.path(), &[variable]);
    let mut browser = Browser::at(server.origin());
    let must_change = |answer: &Answer| answer.json()["account"]["password_must_change"] == true;

    service.behave(Behaviour::Fails);
    assert_eq!(browser.register("ada").status, 201);
    assert!(!must_change(&browser.sign_in_for_tokens("ada")), "the service did not answer");
    assert_eq!(service.requests().len(), 2);
    assert_eq!(browser.sign_in_with("ada", "not this one at all").status, 401);
    assert_eq!(service.requests().len(), 2, "a refusal asks nobody");

    service.behave(Behaviour::ListsAll);
    let listed = browser.sign_in_for_tokens("ada");
    assert!(must_change(&listed), "{}", listed.text);
    let access = listed.field("access_token");
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let refused = browser.send("GET", "/api/auth/sessions", &headers, "");
    assert_eq!(refused.code(), "password_change_required", "from this sign-in on");
    assert!(must_change(&browser.sign_in_for_tokens("ada")));
    assert_eq!(service.requests().len(), 3, "it is known now");
    let mail = PrintedMail::wait(&server, "Your password must be changed");
    assert!(mail.url.ends_with("/api/auth/account/disavow"), "{}", mail.url);

    service.behave(Behaviour::ListsNone);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = browser.send("POST", "/api/auth/password/change", &headers, &change.to_string());
    assert_eq!(changed.status, 200, "{}", changed.text);
    for requests in [5, 5] {
        let body = json!({ "username": "ada", "password": NEW_PASSWORD, "delivery": "body" });
        let json = [("content-type", "application/json")];
        let again = browser.send("POST", "/api/auth/login/json", &json, &body.to_string());
        assert!(again.status == 200 && !must_change(&again), "{}", again.text);
        assert_eq!(service.requests().len(), requests);
    }
}

/// Otherwise an unlucky choice would cost the person another mail.
#[test]
fn a_listed_password_leaves_the_links_of_a_reset_and_an_invitation_valid() {
    const BASE: &str = "http://auth.example.test";
    let (service, data) = (RangeServer::start(), tempfile::tempdir().expect("a directory"));
    let more = [
        ("PORTCULLIS__PASSWORDS__BREACH_SERVICE", service.url.as_str()),
        ("PORTCULLIS__SERVER__BASE_URL", BASE),
    ];
    let server = ServerProcess::start(data.path(), &more);
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.register("ada").status, 201);
    let address = json!({ "email": "ada@example.org" });
    assert_eq!(browser.post("/api/auth/password/forgot", &address).status, 202);
    let invited = ["invite", "create", "--email", "joan@example.org", "--role", "msa"];
    assert!(server.run(&invited).status.success());
    for (subject, done) in [("Reset your password", 204), ("Your invitation", 201)] {
        let mail = PrintedMail::wait(&server, subject);
        let path = mail.url.strip_prefix(BASE).expect("the address of the server");
        let mut body = mail.body(NEW_PASSWORD);
        if body.get("username").is_some() {
            body["username"] = json!("joan");
        }
        service.behave(Behaviour::ListsAll);
        let refused = browser.post(path, &body);
        assert!(is_breached(&refused), "{subject}: {}", refused.text);
        service.behave(Behaviour::ListsNone);
        assert_eq!(browser.post(path, &body).status, done, "{subject}");
    }
    for name in ["ada", "joan"] {
        assert_eq!(browser.sign_in_with(name, NEW_PASSWORD).status, 200, "{name}");
    }
}
