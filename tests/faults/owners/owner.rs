//! One owner with the account, its factors and a history. A wrong answer is a panic at once.

use std::thread;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, PASSWORD, SoftAuthenticator};
use serde_json::{Value, json};

use super::ORIGIN;
use super::app::{App, PAUSE};
use super::history::{Connection, History, Request};
use super::operation::Kind;
use crate::history::RandomChoices;
use crate::link::{Link, UnknownOutcome};

/// The numbers of the app and of the authenticator that are factors of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Factors {
    pub(super) app: Option<usize>,
    pub(super) phone: Option<usize>,
}

/// An owner with an account, and what the owner knows of it.
pub(crate) struct Owner {
    pub(super) name: String,
    chance: RandomChoices,
    clock: SystemClock,
    /// An access token of the newest known session.
    token: Option<String>,
    /// The factors, and those after the request under way: equal unless its answer was lost.
    pub(super) before: Factors,
    pub(super) after: Factors,
    apps: Vec<App>,
    phones: Vec<SoftAuthenticator>,
    pub(super) history: History,
}

impl Owner {
    /// An owner with a new account, who makes the same choices in every run.
    pub(crate) fn register(link: &Link, number: u64, seed: u64) -> Self {
        let name = format!("owner-{number}");
        let email = format!("{name}@example.org");
        let body = json!({ "username": name, "email": email, "password": PASSWORD });
        let answer = link.send("POST", "/api/auth/register", &[], &body);
        assert_eq!(answer.expect("a server without a fault answers").status, 201);
        Self {
            chance: RandomChoices::new(seed.wrapping_add(number)),
            clock: SystemClock::new(),
            token: None,
            before: Factors::default(),
            after: Factors::default(),
            apps: Vec::new(),
            phones: Vec::new(),
            history: History::new(name.clone()),
            name,
        }
    }

    /// Works until the server is gone.
    pub(crate) fn work(&mut self, connection: &Connection<'_>) {
        while self.live(connection) != Err(UnknownOutcome::Gone) {}
    }

    /// Finds out what a lost answer has left, gets in, and removes all factors.
    pub(crate) fn settle(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        self.look(connection)?;
        self.send_again(connection)?;
        self.get_in(connection)?;
        self.remove_factors(connection)
    }

    fn live(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        if self.chance.below(2) == 0 {
            self.live_with_app(connection)?;
            // A second app replaces the first.
            if self.chance.below(2) == 0 {
                self.add_app(connection)?;
                self.use_app(connection)?;
            }
        } else {
            self.settle(connection)?;
            self.add_passkey(connection)?;
            self.use_passkey(connection)?;
        }
        self.remove_factors(connection)
    }

    /// Adds an app to an account without a factor, and uses it.
    pub(super) fn live_with_app(
        &mut self,
        connection: &Connection<'_>,
    ) -> Result<(), UnknownOutcome> {
        self.settle(connection)?;
        self.add_app(connection)?;
        self.use_app(connection)
    }

    /// Decides by the newest known session which of both states the account is in. An added factor has ended
    /// the session in the same transaction; a removed one is no longer shown.
    fn look(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        if self.token.is_none() {
            return Ok(());
        }
        let shown = self.get(connection, "/api/auth/mfa")?;
        let adds = self.after != self.before && self.after != Factors::default();
        if shown.status == 401 {
            assert!(adds, "{}: a session has ended: {}", self.name, shown.text);
            self.before = self.after;
            self.token = None;
            return Ok(());
        }
        let shown = shown.json();
        let is_shown = |factors: Factors| {
            factors.app.is_some() == shown["totp"].is_object()
                && u64::from(factors.phone.is_some()) == shown["passkeys"]
        };
        let states = (self.before, self.after);
        if adds || is_shown(self.before) {
            assert!(is_shown(self.before), "{}: {shown} in {states:?}", self.name);
            self.after = self.before;
        } else {
            assert!(is_shown(self.after), "{}: {shown} in {states:?}", self.name);
            self.before = self.after;
        }
        Ok(())
    }

    /// Presents a secret again whose acceptance is unknown. The audit log shows if it was accepted twice.
    fn send_again(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let Some(request) = self.history.take_lost() else { return Ok(()) };
        if request.kind == Kind::StepUp && self.token.is_none() {
            return Ok(());
        }
        let answer = self.send(connection, &request)?;
        if answer.status == 200 {
            self.token = Some(answer.field("access_token"));
        }
        Ok(())
    }

    /// Signs in as the factors require.
    fn get_in(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let answer = self.enter_password(connection)?;
        let challenge = answer.json();
        if self.before == Factors::default() {
            assert_eq!(challenge["mfa_required"], Value::Null, "{}", self.name);
            self.token = Some(answer.field("access_token"));
            return Ok(());
        }
        let request = match self.before {
            Factors { phone: Some(phone), .. } => {
                let credential = self.phones[phone].get(&challenge["public_key"], ORIGIN);
                second_step(&answer, "credential", credential)
            }
            Factors { app, .. } => {
                let app = app.expect("one of both");
                let code = match self.apps[app].next_code(self.clock.now()) {
                    Some(code) => code,
                    // The session still serves.
                    None if self.token.is_some() => return Ok(()),
                    None => self.wait_for_code(connection, app)?,
                };
                second_step(&answer, "code", json!(code)).presenting(format!("code {app} {code}"))
            }
        };
        let signed_in = self.send(connection, &request)?;
        assert_eq!(signed_in.status, 200, "{} is locked out: {}", self.name, signed_in.text);
        self.token = Some(signed_in.field("access_token"));
        Ok(())
    }

    fn enter_password(&mut self, connection: &Connection<'_>) -> Result<Answer, UnknownOutcome> {
        let body = json!({ "username": self.name, "password": PASSWORD, "delivery": "body" });
        let request = Request::post(Kind::Password, "/api/auth/login/json", body);
        let answer = self.send(connection, &request)?;
        assert_eq!(answer.status, 200, "{} is locked out: {}", self.name, answer.text);
        Ok(answer)
    }

    fn wait_for_code(
        &mut self,
        connection: &Connection<'_>,
        app: usize,
    ) -> Result<String, UnknownOutcome> {
        loop {
            if let Some(code) = self.apps[app].next_code(self.clock.now()) {
                return Ok(code);
            }
            thread::park_timeout(PAUSE);
            connection.link.send("GET", "/health/live", &[], &Value::Null)?;
        }
    }

    fn add_app(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let path = "/api/auth/mfa/totp/enrol";
        let started =
            self.send(connection, &Request::post(Kind::AppEnrolment, path, password()))?;
        let app = self.apps.len();
        self.apps.push(App::of(&started.field("secret")));
        let code = self.wait_for_code(connection, app)?;
        self.after.app = Some(app);
        let (path, body) = ("/api/auth/mfa/totp/confirm", json!({ "code": code }));
        let request = Request::post(Kind::AppConfirmation, path, body);
        let confirmed = self.send(connection, &request.presenting(format!("code {app} {code}")))?;
        self.token = Some(confirmed.field("access_token"));
        self.before = self.after;
        Ok(())
    }

    /// Uses one code three times at once: for two challenges and for a step-up.
    fn use_app(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let app = self.before.app.expect("it was added");
        let challenges = [self.enter_password(connection)?, self.enter_password(connection)?];
        let code = self.wait_for_code(connection, app)?;
        let body = json!({ "code": code });
        let [one, other] = challenges.map(|answer| second_step(&answer, "code", json!(code)));
        let step_up = Request::post(Kind::StepUp, "/api/auth/mfa/step-up", body);
        let secret = format!("code {app} {code}");
        let requests = [one, other, step_up].map(|request| request.presenting(secret.clone()));
        self.send_at_once(connection, &requests)
    }

    fn add_passkey(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let path = "/api/auth/passkeys/options";
        let options =
            self.send(connection, &Request::post(Kind::PasskeyOptions, path, password()))?;
        let phone = self.phones.len();
        let mut authenticator = SoftAuthenticator::default();
        let credential = authenticator.create(&options.json()["public_key"], ORIGIN);
        self.phones.push(authenticator);
        self.after.phone = Some(phone);
        let body = json!({ "credential": credential, "name": "Phone" });
        let request = Request::post(Kind::PasskeyRegistration, "/api/auth/passkeys/verify", body);
        let registered = self.send(connection, &request.presenting(format!("passkey {phone}")))?;
        self.token = Some(registered.field("access_token"));
        self.before = self.after;
        Ok(())
    }

    /// Uses one assertion twice at once.
    fn use_passkey(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let (path, body) = ("/api/auth/login/passkey/options", json!({ "delivery": "body" }));
        let options =
            self.send(connection, &Request::post(Kind::PasskeyOptions, path, body))?.json();
        let phone = self.before.phone.expect("it was added");
        let options = &options["public_key"];
        let body = json!({ "credential": self.phones[phone].get(options, ORIGIN) });
        let sign_in = Request::post(Kind::PasskeySignIn, "/api/auth/login/passkey/verify", body);
        let sign_in = sign_in.presenting(format!("challenge {}", options["challenge"]));
        self.send_at_once(connection, &[sign_in.clone(), sign_in])
    }

    fn remove_factors(&mut self, connection: &Connection<'_>) -> Result<(), UnknownOutcome> {
        let request = match self.before {
            Factors { phone: Some(_), .. } => {
                let list = self.get(connection, "/api/auth/passkeys")?.json();
                let id = list["items"][0]["id"].as_str().expect("a passkey is listed");
                let path = format!("/api/auth/passkeys/{id}");
                Request::delete(Kind::PasskeyRemoval, path, password())
            }
            Factors { app: Some(_), .. } => {
                Request::post(Kind::AppRemoval, "/api/auth/mfa/totp/disable", password())
            }
            Factors { app: None, phone: None } => return Ok(()),
        };
        self.after = Factors::default();
        let removed = self.send(connection, &request)?;
        assert_eq!(removed.status, 204, "{}: {}", self.name, removed.text);
        self.before = self.after;
        Ok(())
    }

    /// Reads with the newest known session.
    fn get(&self, connection: &Connection<'_>, path: &str) -> Result<Answer, UnknownOutcome> {
        let bearer = format!("Bearer {}", self.token.as_deref().expect("a session"));
        connection.link.send("GET", path, &[("authorization", &bearer)], &Value::Null)
    }

    fn send(
        &mut self,
        connection: &Connection<'_>,
        request: &Request,
    ) -> Result<Answer, UnknownOutcome> {
        self.history.send(connection, self.token.as_deref(), request)
    }

    /// Sends requests of which exactly one must succeed, and continues in its session.
    fn send_at_once(
        &mut self,
        connection: &Connection<'_>,
        requests: &[Request],
    ) -> Result<(), UnknownOutcome> {
        let success = self.history.send_at_once(connection, self.token.as_deref(), requests)?;
        self.token = Some(success.field("access_token"));
        Ok(())
    }
}

fn password() -> Value {
    json!({ "current_password": PASSWORD })
}

/// The answer to a challenge.
fn second_step(challenge: &Answer, factor: &str, proof: Value) -> Request {
    let token = challenge.field("mfa_token");
    let mut body = json!({ "mfa_token": token });
    body[factor] = proof;
    let request = Request::post(Kind::SecondStep, "/api/auth/login/mfa", body);
    request.presenting(format!("challenge {token}"))
}
