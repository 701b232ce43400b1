//! Chromium, controlled by the `DevTools` protocol of Chrome over a pipe.
//!
//! Messages are JSON documents, each ended by a NUL byte. Descriptors 3 and 4 of the browser are
//! its ends of the pipe; a shell puts its standard input and output there.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::traffic::{Traffic, Transfer};

/// A headless Chromium with a profile of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Chromium {
    browser: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    last_id: u64,
    traffic: Traffic,
    _profile: TempDir,
}

/// A tab of a browser.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a mut Chromium,
    session: String,
}

/// The maximum time of a step of the browser on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Chromium {
    /// Starts the browser that `PORTCULLIS_TEST_CHROMIUM` names.
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the runner hands the browser over this way")]
        let program = std::env::var("PORTCULLIS_TEST_CHROMIUM");
        let program = program.expect("PORTCULLIS_TEST_CHROMIUM is set, as tests/run does");
        let profile = tempfile::tempdir().expect("a directory");
        let mut browser = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 0</dev/null 1>&2"#, "sh", &program])
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run"])
            .args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // Its lock is there too, and goes with the profile.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell starts");
        let input = browser.stdin.take().expect("it is a pipe");
        let output = BufReader::new(browser.stdout.take().expect("it is a pipe"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { break };
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let (events, traffic) = (VecDeque::new(), Traffic::default());
        Self { browser, input, messages, events, last_id: 0, traffic, _profile: profile }
    }

    /// Opens an empty tab.
    pub fn page(&mut self) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", &attach);
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page.enable", "Network.enable", "Runtime.enable"] {
            page.call(domain, &json!({}));
        }
        page.call("Fetch.enable", &json!({ "handleAuthRequests": true }));
        page.call("Runtime.addBinding", &json!({ "name": Traffic::BINDING }));
        let script = json!({ "source": Traffic::SCRIPT });
        page.call("Page.addScriptToEvaluateOnNewDocument", &script);
        page
    }

    /// Calls a method of the protocol and returns its result.
    fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        let id = self.send(session, method, parameters);
        loop {
            let mut message = self.next_message();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    /// Sends a call and returns its id.
    fn send(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> u64 {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let bytes = [message.to_string().as_bytes(), &[0]].concat();
        self.input.write_all(&bytes).expect("the browser runs");
        self.last_id
    }

    /// The next message. Questions of the browser are answered, as nobody else could.
    fn next_message(&mut self) -> Value {
        loop {
            let message = self.messages.recv_timeout(TIMEOUT).expect("the browser answers");
            self.traffic.note(&message);
            let Some((method, answer)) = answer(&message) else { return message };
            self.send(message["sessionId"].as_str(), method, &answer);
        }
    }
}

/// The call that answers a question of the browser: a request goes on, a question for a name and a password is
/// cancelled, and a dialog is closed.
fn answer(message: &Value) -> Option<(&'static str, Value)> {
    let request = &message["params"]["requestId"];
    match message["method"].as_str()? {
        "Fetch.requestPaused" => Some(("Fetch.continueRequest", json!({ "requestId": request }))),
        "Fetch.authRequired" => {
            let cancel = json!({ "response": "CancelAuth" });
            let answer = json!({ "requestId": request, "authChallengeResponse": cancel });
            Some(("Fetch.continueWithAuth", answer))
        }
        "Page.javascriptDialogOpening" => {
            Some(("Page.handleJavaScriptDialog", json!({ "accept": true })))
        }
        _ => None,
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Both fail when the browser has already ended, which is fine.
        drop(self.browser.kill());
        drop(self.browser.wait());
    }
}

impl Page<'_> {
    /// Calls a method of the protocol for this tab and returns its result.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.browser.call(Some(&self.session), method, parameters)
    }

    /// Opens this address and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        let navigated = self.call("Page.navigate", &json!({ "url": url }));
        assert!(navigated["errorText"].is_null(), "{url}: {navigated}");
        let loader = &navigated["loaderId"];
        self.event("Page.frameNavigated", |event| event["frame"]["loaderId"] == *loader);
        self.event("Page.loadEventFired", |_| true);
    }

    /// The value of a JavaScript expression in the page; a promise is awaited.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut outcome = self.call("Runtime.evaluate", &parameters);
        assert!(outcome["exceptionDetails"].is_null(), "{expression}: {outcome}");
        outcome["result"]["value"].take()
    }

    /// Waits for an event of this tab and returns its parameters. Events before it are forgotten.
    pub fn event(&mut self, method: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut event = self.next_event();
            if event["method"] == method && is_wanted(&event["params"]) {
                return event["params"].take();
            }
        }
    }

    /// Waits for the response to a request of this tab and returns its status, whether the page may
    /// see it or not. Events before it are forgotten.
    pub fn status_of(&mut self, is_wanted: impl Fn(&Value) -> bool) -> u64 {
        // The two events come from two processes of the browser, in any order.
        let (mut request, mut statuses) = (Value::Null, Vec::new());
        loop {
            let event = self.next_event();
            let parameters = &event["params"];
            if event["method"] == "Network.requestWillBeSent" && is_wanted(&parameters["request"]) {
                request = parameters["requestId"].clone();
            }
            if event["method"] == "Network.responseReceivedExtraInfo" {
                let status = parameters["statusCode"].as_u64().expect("a status");
                statuses.push((parameters["requestId"].clone(), status));
            }
            if let Some((_, status)) = statuses.iter().find(|(id, _)| *id == request) {
                return *status;
            }
        }
    }

    fn next_event(&mut self) -> Value {
        loop {
            let event = match self.browser.events.pop_front() {
                Some(event) => event,
                None => self.browser.next_message(),
            };
            if event["sessionId"] == *self.session {
                return event;
            }
        }
    }

    /// Clicks the middle of the element with the mouse. It is scrolled into view first.
    pub fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({0}); \
               if (!element) throw new Error('nothing is ' + {0}); \
               element.scrollIntoView({{ block: 'center' }}); \
               const {{ x, y, width, height }} = element.getBoundingClientRect(); \
               return [x + width / 2, y + height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1
            });
            self.call("Input.dispatchMouseEvent", &click);
        }
    }

    /// Clicks an element that leads to another page, and waits until that is loaded.
    pub fn follow(&mut self, selector: &str) {
        self.browser.events.clear();
        self.click(selector);
        self.event("Page.loadEventFired", |_| true);
    }

    /// Replaces the text of an input by typing.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.evaluate(&format!(
            "(() => {{ const input = document.querySelector({}); input.focus(); input.select(); }})()",
            json!(selector)
        ));
        self.type_text(text);
    }

    /// Sends the form of the focused input by the Enter key, and waits for the next page.
    pub fn submit(&mut self) {
        self.press_to_go("Enter");
    }

    /// Types a text into the element with the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Presses a key: `Tab`, `Shift+Tab`, `Enter`, `Space`, `Escape`, `Home`, `End`, an arrow, or one letter.
    pub fn press(&mut self, key: &str) {
        const SHIFT: u32 = 8;
        let (modifiers, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (SHIFT, key));
        let (name, code, text) = match key {
            "Tab" => (key, 9, ""),
            "Enter" => (key, 13, "\r"),
            "Escape" => (key, 27, ""),
            "Space" => (" ", 32, " "),
            "End" => (key, 35, ""),
            "Home" => (key, 36, ""),
            "ArrowLeft" => (key, 37, ""),
            "ArrowUp" => (key, 38, ""),
            "ArrowRight" => (key, 39, ""),
            "ArrowDown" => (key, 40, ""),
            letter => (letter, 0, letter),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code,
                "modifiers": modifiers,
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Presses a key that leads to another page, and waits until that is loaded.
    pub fn press_to_go(&mut self, key: &str) {
        self.browser.events.clear();
        self.press(key);
        self.event("Page.loadEventFired", |_| true);
    }

    /// The id of the element with the focus. A page sets its first focus with its first frame.
    pub fn focus(&mut self) -> String {
        let id = self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(\
                () => done(document.activeElement.id))))",
        );
        id.as_str().unwrap_or_default().to_owned()
    }

    /// The requests of the browser so far.
    pub fn transfers(&self) -> &[Transfer] {
        &self.browser.traffic.transfers
    }

    /// Waits until each request of the browser has its response.
    pub fn wait_for_transfers(&mut self) {
        while self.transfers().iter().any(|transfer| transfer.bytes.is_none()) {
            let message = self.browser.next_message();
            self.browser.events.push_back(message);
        }
    }

    /// What pages have complained about so far: refusals of content policies, uncaught exceptions, and dialogs.
    pub fn complaints(&mut self) -> &[String] {
        // The events of the page come before the answer.
        self.evaluate("true");
        &self.browser.traffic.complaints
    }

    /// The path of the page.
    pub fn path(&mut self) -> String {
        let path = self.evaluate("location.pathname");
        path.as_str().expect("a page has a path").to_owned()
    }

    /// The visible text of the page.
    pub fn text(&mut self) -> String {
        let text = self.evaluate("document.body.innerText");
        text.as_str().expect("a page has a text").to_owned()
    }

    /// A picture of the whole page as PNG in base64, on a screen of this width, light or dark.
    pub fn picture(&mut self, width: u32, is_dark: bool) -> String {
        let scheme = if is_dark { "dark" } else { "light" };
        let feature = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": feature }));
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.call("Page.captureScreenshot", &whole);
        picture["data"].as_str().expect("a picture").to_owned()
    }

    /// Makes the browser ignore the content policies of pages in this tab, from the next one on.
    pub fn ignore_content_policies(&mut self) {
        self.call("Page.setBypassCSP", &json!({ "enabled": true }));
    }
}
