//! Password policy: every request that sets a password accepts and refuses the same samples, with the same
//! codes, and a refusal uses up no link. See `crates/password/tests/README.md` for the samples.

use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;
use crate::password_reset::{forget, reset};
use crate::registration::faults;

const SAMPLES: &str =
    include_str!("../../crates/password/tests/vectors/password_policy_cases.json");

#[test]
fn every_request_that_sets_a_password_judges_the_samples_alike() {
    let samples = samples();
    assert_eq!(samples.len(), 73);
    let model = verdicts(&Registration, &samples);
    for (verdict, sample) in model.iter().zip(&samples) {
        assert_eq!(verdict.is_empty(), sample.is_accepted, "{}: {verdict:?}", sample.template);
    }
    let requests: [&dyn Request; 5] = [&Invitation, &Verification, &Change, &Reset, &Setup];
    for request in requests {
        let judged = verdicts(request, &samples);
        for ((verdict, model), sample) in judged.iter().zip(&model).zip(&samples) {
            let is_present = request.replaces_one() && sample.template == PASSWORD;
            let expected = if is_present { &vec!["unchanged".to_owned()] } else { model };
            assert_eq!(verdict, expected, "{} of {}", sample.template, request.path());
        }
    }
}

/// A sample of the vectors.
struct Sample {
    /// The password; `{username}` stands for the user name.
    template: String,
    is_accepted: bool,
}

fn samples() -> Vec<Sample> {
    let file: Value = serde_json::from_str(SAMPLES).expect("the vectors are JSON");
    let cases = file["cases"].as_array().expect("a list").iter();
    let sample = |case: &Value| Sample {
        template: case["password_utf8"].as_str().expect("a text").to_owned(),
        is_accepted: case["expect"] == "accept",
    };
    cases.map(sample).collect()
}

/// The codes of the rules that each sample breaks; none if it was accepted. A new target is prepared only
/// after a success, so each refusal must leave the target usable.
fn verdicts(request: &dyn Request, samples: &[Sample]) -> Vec<Vec<String>> {
    let mut server = request.server();
    let mut number = 0;
    let mut target = request.prepare(&server, &name(number));
    let mut verdicts = Vec::new();
    for sample in samples {
        let typed = sample.template.replace("{username}", &name(number));
        let answer = request.set(&server, &target, &name(number), &typed);
        assert!(!answer.text.contains(&typed), "the answer repeats the password");
        verdicts.push(match answer.status {
            200..=299 => Vec::new(),
            400 => vec![answer.code()],
            _ => {
                let codes: Vec<_> = faults(&answer).into_iter().map(|(_, code)| code).collect();
                assert!(!codes.is_empty(), "{}", answer.text);
                codes
            }
        });
        if answer.status < 300 {
            number += 1;
            if request.works_once() {
                server = request.server();
            }
            target = request.prepare(&server, &name(number));
        }
    }
    assert!(number > 0, "{} has accepted a sample", request.path());
    verdicts
}

fn name(number: usize) -> String {
    format!("margaret.hamilton{number}")
}

fn email(name: &str) -> String {
    format!("{name}@example.org")
}

/// A request that sets a password.
trait Request {
    fn path(&self) -> &'static str;

    fn server(&self) -> TestServer {
        TestServer::start(TestDatabase::sqlite())
    }

    /// True if the account has [`PASSWORD`] before.
    fn replaces_one(&self) -> bool {
        false
    }

    /// True if a server answers only one such request.
    fn works_once(&self) -> bool {
        false
    }

    /// The token of a link or of a session that one success uses up.
    fn prepare(&self, server: &TestServer, name: &str) -> String;

    fn set(&self, server: &TestServer, token: &str, name: &str, password: &str) -> Answer;
}

struct Registration;

impl Request for Registration {
    fn path(&self) -> &'static str {
        "/api/auth/register"
    }

    fn prepare(&self, _: &TestServer, _: &str) -> String {
        String::new()
    }

    fn set(&self, server: &TestServer, _: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "username": name, "email": email(name), "password": password });
        Browser::of(server).post(self.path(), &body)
    }
}

struct Invitation;

impl Request for Invitation {
    fn path(&self) -> &'static str {
        "/api/auth/register with an invitation"
    }

    fn prepare(&self, server: &TestServer, name: &str) -> String {
        let admin = Member::new(server, &format!("admin-of-{name}"), "admin");
        let body = json!({ "email": email(name), "role": "msa" });
        assert_eq!(admin.post("/api/admin/invitations", &body).status, 201);
        server.database().only_link()
    }

    fn set(&self, server: &TestServer, token: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "username": name, "invitation": token, "password": password });
        Browser::of(server).post("/api/auth/register", &body)
    }
}

/// The link of a registration, with another name and password.
struct Verification;

impl Request for Verification {
    fn path(&self) -> &'static str {
        "/api/auth/email/verify"
    }

    fn server(&self) -> TestServer {
        let registration_answer = RegistrationAnswer::Verified;
        let settings = TestSettings { registration_answer, ..TestSettings::default() };
        TestServer::with(TestDatabase::sqlite(), settings)
    }

    fn prepare(&self, server: &TestServer, name: &str) -> String {
        let wanted = format!("first-{name}");
        let body = json!({ "username": wanted, "email": email(name), "password": PASSWORD });
        assert_eq!(Browser::of(server).post("/api/auth/register", &body).status, 202);
        server.database().only_link()
    }

    fn set(&self, server: &TestServer, token: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "token": token, "username": name, "password": password });
        Browser::of(server).post(self.path(), &body)
    }
}

struct Change;

impl Request for Change {
    fn path(&self) -> &'static str {
        "/api/auth/password/change"
    }

    fn replaces_one(&self) -> bool {
        true
    }

    fn prepare(&self, server: &TestServer, name: &str) -> String {
        Member::new(server, name, "msa").token
    }

    fn set(&self, server: &TestServer, token: &str, _: &str, password: &str) -> Answer {
        let body = json!({ "current_password": PASSWORD, "new_password": password });
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        Browser::of(server).send("POST", self.path(), &headers, &body.to_string())
    }
}

struct Reset;

impl Request for Reset {
    fn path(&self) -> &'static str {
        "/api/auth/password/reset"
    }

    fn replaces_one(&self) -> bool {
        true
    }

    fn prepare(&self, server: &TestServer, name: &str) -> String {
        assert_eq!(Browser::of(server).register(name).status, 201);
        server.database().mails();
        assert_eq!(forget(server, &email(name)).status, 202);
        server.database().only_link()
    }

    fn set(&self, server: &TestServer, token: &str, _: &str, password: &str) -> Answer {
        reset(server, token, password)
    }
}

struct Setup;

impl Request for Setup {
    fn path(&self) -> &'static str {
        "/api/setup"
    }

    fn works_once(&self) -> bool {
        true
    }

    fn prepare(&self, server: &TestServer, _: &str) -> String {
        let BootstrapState::Awaiting(token) = server.bootstrap(None) else {
            panic!("setup is open")
        };
        token.expose().to_owned()
    }

    fn set(&self, server: &TestServer, token: &str, name: &str, password: &str) -> Answer {
        let body = json!({
            "setup_token": token,
            "username": name,
            "email": email(name),
            "password": password,
        });
        Browser::of(server).post(self.path(), &body)
    }
}
