//! Test client: sends requests and keeps cookies as a browser does.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Request, Response};

use crate::contract::{self, Sent};
use crate::samples::PASSWORD;
use crate::{Answer, TestServer};

/// A client that keeps cookies as a browser does, and sends requests unchanged.
#[derive(Clone)]
pub struct Browser {
    agent: Agent,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl TestServer {
    /// The metrics, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        Browser::at(self.operations()).get("/metrics", &[]).text
    }

    /// The violations of the content policy that browsers have reported, each as `directive count`, in the order of the directives.
    pub fn csp_violations(&self) -> Vec<String> {
        const COUNT: &str = "portcullis_csp_violations_total{directive=\"";
        let metrics = self.metrics();
        let counts = metrics.lines().filter_map(|line| line.strip_prefix(COUNT));
        let counts = counts.map(|count| count.replace("\"}", ""));
        let mut counts: Vec<String> = counts.filter(|count| !count.ends_with(" 0")).collect();
        counts.sort();
        counts
    }
}

impl Browser {
    /// A new browser for this server.
    pub fn of(server: &TestServer) -> Self {
        Self::at(server.origin())
    }

    /// A new browser for the server at this origin.
    pub fn at(origin: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        Self { agent: config.into(), origin: origin.to_owned(), cookies: BTreeMap::new() }
    }

    /// The stored cookies.
    pub fn cookies(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.cookies
    }

    /// Creates an account of that name with [`PASSWORD`].
    pub fn register(&mut self, username: &str) -> Answer {
        let email = format!("{username}@example.org");
        let body = json!({ "username": username, "email": email, "password": PASSWORD });
        self.post("/api/auth/register", &body)
    }

    /// Signs in with [`PASSWORD`] and delivery by cookie.
    pub fn sign_in(&mut self, username: &str) -> Answer {
        self.sign_in_with(username, PASSWORD)
    }

    /// Signs in with another password.
    pub fn sign_in_with(&mut self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        self.post("/api/auth/login/json", &body)
    }

    /// Signs in with [`PASSWORD`] and delivery by body: no cookies.
    pub fn sign_in_for_tokens(&mut self, username: &str) -> Answer {
        let body = json!({ "username": username, "password": PASSWORD, "delivery": "body" });
        self.post("/api/auth/login/json", &body)
    }

    /// Exchanges a refresh token for new tokens.
    pub fn refresh(&mut self, refresh_token: &str) -> Answer {
        self.post("/api/auth/refresh", &json!({ "refresh_token": refresh_token }))
    }

    /// Signs out as a page does: with the CSRF token and the page's origin.
    pub fn sign_out(&mut self, path: &str) -> Answer {
        let csrf = self.csrf_token();
        let origin = self.origin.clone();
        self.send("POST", path, &[("origin", &origin), ("x-csrf-token", &csrf)], "")
    }

    /// Gets a CSRF token for the session of the stored cookie.
    pub fn csrf_token(&mut self) -> String {
        self.get("/api/auth/csrf", &[]).field("csrf_token")
    }

    /// Sends a GET with further headers.
    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "")
    }

    /// Sends a GET with a bearer token and without cookies.
    pub fn get_as(&self, path: &str, access_token: &str) -> Answer {
        let authorization = format!("Bearer {access_token}");
        let mut plain = Self { cookies: BTreeMap::new(), ..self.clone() };
        plain.get(path, &[("authorization", &authorization)])
    }

    /// Sends a POST with a JSON body.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string())
    }

    /// Sends a form, as a page of this server does.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        let (origin, referer) = (self.origin.clone(), format!("{}{path}", self.origin));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", &*origin),
            ("referer", &*referer),
        ];
        self.send("POST", path, &headers, &body)
    }

    /// Sends any request.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        let request = request.body(body.to_owned()).expect("the test's request is well-formed");
        let response = self.agent.run(request).expect("the server answers");
        let answer = read(response);
        let is_json = headers.contains(&("content-type", "application/json"));
        contract::check(Sent { method, path, json: is_json.then_some(body) }, &answer);
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name and a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn read(mut response: Response<ureq::Body>) -> Answer {
    let headers = response.headers().iter();
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    Answer {
        status: response.status().as_u16(),
        headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        text: response.body_mut().read_to_string().unwrap_or_default(),
    }
}
