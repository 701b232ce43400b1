//! A signed-in test account with a role: a client without cookies.

use std::time::Duration;

use portcullis_domain::{Account, AccountId, AccountKind, Clock, Role};
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, SoftAuthenticator, TestServer, samples,
};
use serde_json::{Value, json};

pub(crate) struct Member {
    pub(crate) account: AccountId,
    pub(crate) token: String,
    browser: Browser,
}

impl Member {
    /// An account of that name and role.
    pub(crate) fn new(server: &TestServer, name: &str, role: &str) -> Self {
        Self::of(server, &Account { role: parsed(role), ..samples::account(name) })
    }

    /// An account of a developer.
    pub(crate) fn developer(server: &TestServer, name: &str, role: &str) -> Self {
        let account = Account { role: parsed(role), ..samples::account(name) };
        Self::of(server, &Account { kind: AccountKind::Developer, ..account })
    }

    /// An account that must change its password.
    pub(crate) fn unsettled(server: &TestServer, name: &str, role: &str) -> Self {
        let account = Account { role: parsed(role), ..samples::account(name) };
        Self::of(server, &Account { password_must_change: true, ..account })
    }

    fn of(server: &TestServer, account: &Account) -> Self {
        server.add_account(account);
        let mut browser = Browser::of(server);
        let token = browser.sign_in_for_tokens(account.username.as_str()).field("access_token");
        Self { account: account.id, token, browser }
    }

    /// Enrols an authenticator app and continues in the new session. The code of the confirmation is
    /// a minute old afterwards.
    pub(crate) fn enrol_app(&mut self, server: &TestServer) -> AuthenticatorApp {
        let password = json!({ "current_password": PASSWORD });
        let started = self.post("/api/auth/mfa/totp/enrol", &password);
        let app = AuthenticatorApp::of(&started.field("secret"));
        let code = app.code(server.clock().now());
        let confirmed = self.post("/api/auth/mfa/totp/confirm", &json!({ "code": code }));
        self.token = confirmed.field("access_token");
        server.clock().advance(Duration::from_secs(60));
        app
    }

    /// Registers a passkey and continues in the new session. The server must have a domain name.
    pub(crate) fn add_passkey(
        &mut self,
        server: &TestServer,
        authenticator: &mut SoftAuthenticator,
    ) {
        let password = json!({ "current_password": PASSWORD });
        let options = self.post("/api/auth/passkeys/options", &password).json();
        let credential = authenticator.create(&options["public_key"], server.origin());
        let body = json!({ "credential": credential, "name": "Phone" });
        self.token = self.post("/api/auth/passkeys/verify", &body).field("access_token");
    }

    /// The same account on another node.
    pub(crate) fn at(&self, origin: &str) -> Self {
        Self { account: self.account, token: self.token.clone(), browser: Browser::at(origin) }
    }

    /// Signs in again as the account of that name.
    pub(crate) fn sign_in_again(&mut self, name: &str) {
        self.token = self.browser.sign_in_for_tokens(name).field("access_token");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.browser.get_as(path, &self.token)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string())
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [headers, &[("authorization", bearer.as_str())]].concat();
        self.browser.clone().send(method, path, &headers, body)
    }

    /// True if the matrix allows the action to the caller.
    pub(crate) fn check(&self, resource: &str, action: &str) -> Answer {
        let body = serde_json::json!({ "resource": resource, "action": action });
        self.post("/api/authz/check", &body)
    }
}

fn parsed(role: &str) -> Role {
    Role::parse(role).expect("the test's role is well-formed")
}
