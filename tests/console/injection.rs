//! Injection: texts that have broken other systems, through each field of the console, are texts on each page, in
//! each mail and in each export, or are refused. The vectors are those of the tests of the API.

use std::sync::Arc;
use std::time::Duration;

use portcullis_flows::node::mail::MailText;
use portcullis_flows::node::outbox::{DeliverySettings, MailDelivery};
use portcullis_mail::{
    Encryption, Mailer, MailerSettings, Sender, SmtpSettings, Templates, Transport,
};
use portcullis_testkit::{
    Answer, Browser, Chromium, PASSWORD, Page, ReceivedMail, SmtpServer, SoftAuthenticator,
    TestDatabase, TestServer, TestSettings,
};
use portcullis_web::Method;
use serde_json::{Value, json};

use crate::form::{location, sign_in, submit};
use crate::traffic::stays_within;

const CASES: &str = include_str!("../http/vectors/injection_cases.json");

/// Further texts, each for one place of a page.
const FURTHER: [&str; 7] = [
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "\" autofocus onfocus=\"alert(1)",
    "' onmouseover='alert(1)",
    "<!--",
    "JavaScript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
];

fn inputs(is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let file: Value = serde_json::from_str(CASES).expect("the vectors are JSON");
    let cases = file["cases"].as_array().expect("a list").iter();
    let cases = cases.filter(|case| is_wanted(case["context"].as_str().expect("a context")));
    cases.map(|case| case["input"].as_str().expect("a text").to_owned()).collect()
}

/// All texts.
pub(crate) fn texts() -> Vec<String> {
    let mut texts = inputs(|_| true);
    texts.extend(FURTHER.map(str::to_owned));
    texts
}

/// The texts that are more than a text to a browser.
pub(crate) fn markup() -> Vec<String> {
    let mut texts = inputs(|context| context == "display-name");
    texts.extend(FURTHER.map(str::to_owned));
    texts
}

/// A server with ada: an administrator, and a developer.
pub(crate) fn infested() -> (TestServer, Browser) {
    let mut settings = TestSettings { named: true, ..TestSettings::default() };
    settings.sessions.most_sessions = 100;
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut ada = Browser::of(&server);
    ada.register("ada");
    let change = "UPDATE accounts SET kind = 'developer', role = 'admin'";
    server.database().store().execute(change).expect("the account is there");
    sign_in(&mut ada, "ada");
    (server, ada)
}

/// Panics unless a form was accepted or refused.
fn is_stored(answer: &Answer, text: &str) -> bool {
    let is_refused = [400, 409, 422].contains(&answer.status);
    assert!(is_refused || [200, 201, 303].contains(&answer.status), "{text:?}: {}", answer.text);
    !is_refused
}

/// Stores with `store` what it accepts, which is at least one text that has a meaning in HTML.
fn accepted(texts: Vec<String>, mut store: impl FnMut(usize, &str) -> Answer) -> Vec<String> {
    let texts = texts.into_iter().enumerate();
    let stored = texts.filter(|(number, text)| is_stored(&store(*number, text), text));
    let stored: Vec<String> = stored.map(|(_, text)| text).collect();
    assert!(stored.iter().any(|text| text.contains('<')), "{stored:?}");
    stored
}

/// Names of API keys.
fn keys(ada: &mut Browser) -> Vec<String> {
    accepted(markup(), |_, text| {
        let fields = [
            ("name", text),
            ("scope", "schedule:read"),
            ("networks", ""),
            ("days", "30"),
            ("current_password", PASSWORD),
        ];
        submit(ada, "/console/api-keys/new", &fields)
    })
}

/// Names of passkeys.
fn passkeys(server: &TestServer, ada: &mut Browser) -> Vec<String> {
    accepted(markup(), |_, text| {
        let current = [("current_password", PASSWORD)];
        let page = submit(ada, "/console/factors/passkeys/add", &current);
        let options = page.text.split("data-options=\"").nth(1).expect("options");
        let options = options.split('"').next().expect("their end");
        let options = options.replace("&#34;", "\"").replace("&#38;", "&");
        let options = serde_json::from_str(&options).expect("options are JSON");
        let credential = SoftAuthenticator::default().create(&options, server.origin()).to_string();
        let fields = [("name", text), ("credential", &credential)];
        submit(ada, "/console/factors/passkeys/create", &fields)
    })
}

/// Gives a passkey one name after the other.
fn renamed(ada: &mut Browser, page: &mut Page<'_>, console: &str) {
    let link =
        "document.querySelector('main a[href*=\"/factors/passkeys/0\"]').getAttribute('href')";
    let path = page.evaluate(link);
    let path = path.as_str().expect("a path");
    let names = accepted(markup(), |_, text| {
        let answer = submit(ada, path, &[("name", text)]);
        if is_stored(&answer, text) {
            assert_eq!(location(&answer), "/console/factors");
            for place in ["/factors", path.trim_start_matches("/console")] {
                let text = [text.to_owned()];
                is_on(&shown(page, &format!("{console}{place}")), &text, place);
            }
        }
        answer
    });
    assert!(names.len() > 1, "{names:?}");
}

/// Names of devices, which programs give at a sign-in as ada.
fn devices(server: &TestServer) -> Vec<String> {
    accepted(markup(), |_, text| {
        let body = json!({ "username": "ada", "password": PASSWORD, "device_name": text });
        Browser::of(server).post("/api/auth/login/json", &body)
    })
}

/// User agents of failed sign-ins. A header has no other characters.
fn agents(server: &TestServer) -> Vec<String> {
    let mut texts = texts();
    texts.retain(|text| text.chars().all(|letter| letter.is_ascii_graphic() || letter == ' '));
    for text in &texts {
        let body = json!({ "username": "nobody", "password": PASSWORD }).to_string();
        let headers = [("content-type", "application/json"), ("user-agent", text)];
        let answer = Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body);
        assert_eq!(answer.status, 401, "{text:?}: {}", answer.text);
    }
    texts
}

/// Display names, each of an account of its own.
fn display_names(server: &TestServer) -> Vec<String> {
    accepted(texts(), |number, text| {
        let name = format!("person-{number}");
        let email = format!("{name}@example.org");
        let body = json!({
            "username": name, "email": email, "password": PASSWORD, "display_name": text
        });
        Browser::of(server).post("/api/auth/register", &body)
    })
}

/// Reasons of bans.
fn reasons(ada: &mut Browser) -> Vec<String> {
    accepted(texts(), |number, text| {
        let address = format!("203.0.113.{number}");
        let fields = [("address", &*address), ("hours", "24"), ("reason", text)];
        submit(ada, "/console/admin/bans", &fields)
    })
}

/// Resources that ada has asked for.
fn resources(server: &TestServer) -> Vec<String> {
    let token = Browser::of(server).sign_in_for_tokens("ada").field("access_token");
    let authorization = format!("Bearer {token}");
    accepted(texts(), |_, text| {
        let body = json!({ "resource": text, "action": "read" }).to_string();
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        Browser::of(server).send("POST", "/api/authz/check", &headers, &body)
    })
}

/// All that the present page shows, fields included; panics if it has an element that the server has not made.
pub(crate) fn present(page: &mut Page<'_>) -> String {
    const FOREIGN: &str = "[...document.querySelectorAll('*')].filter((element) => \
        element.matches('img:not([src^=\"/console/assets/\"]), script:not([src^=\"/console/assets/\"])') || \
        [...element.attributes].some(({ name, value }) => name.startsWith('on') || \
            ['href', 'src', 'action', 'formaction'].includes(name) && \
            new URL(value, location).origin !== location.origin)).map((element) => element.outerHTML)";
    const TEXT: &str = "[document.documentElement.textContent, \
        ...[...document.querySelectorAll('input, textarea')].map((field) => field.value)].join('\\n')";
    let path = page.path();
    assert_eq!(page.evaluate(FOREIGN), json!([]), "{path}");
    assert_eq!(page.complaints(), [""; 0], "{path}");
    page.evaluate(TEXT).as_str().expect("a text").to_owned()
}

/// The same of the page at this address.
pub(crate) fn shown(page: &mut Page<'_>, address: &str) -> String {
    page.open(address);
    present(page)
}

/// The same of a list, with all its pages.
fn listed(page: &mut Page<'_>, address: &str) -> String {
    let mut text = shown(page, address);
    loop {
        let next = page.evaluate("document.querySelector('[rel=next]')?.href");
        let Some(next) = next.as_str() else { return text };
        text += &shown(page, next);
    }
}

pub(crate) fn is_on(text: &str, stored: &[String], address: &str) {
    for stored in stored {
        // The only text of the vectors that NFC changes: the sign of the unit kelvin is the letter.
        let normal = stored.replace('\u{212a}', "K");
        assert!(text.contains(stored) || text.contains(&normal), "{stored:?} on {address}: {text}");
    }
}

/// A tab in which ada is signed in. Content policies are ignored: the pages must be safe without them.
pub(crate) fn enter(page: &mut Page<'_>, server: &TestServer) {
    page.ignore_content_policies();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), "/console", "{}", page.text());
}

#[test]
fn a_stored_text_is_a_text_on_every_page() {
    let (server, mut ada) = infested();
    let keys = keys(&mut ada);
    let (devices, agents) = (devices(&server), agents(&server));
    let (names, reasons) = (display_names(&server), reasons(&mut ada));
    let resources = resources(&server);
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server);
    let console = format!("{}/console", server.origin());
    for (path, stored) in [
        ("api-keys", &keys),
        ("sessions", &devices),
        ("admin/users", &names),
        ("admin/sessions", &devices),
        ("admin/bans", &reasons),
        ("admin/audit?kind=sign_in", &agents),
        ("admin/audit?kind=permission_check", &resources),
    ] {
        is_on(&listed(&mut page, &format!("{console}/{path}")), stored, path);
    }
    for name in markup() {
        let answer = submit(&mut ada, "/console/profile", &[("display_name", &name)]);
        assert_eq!(location(&answer), "/console", "{name}");
        server.clock().advance(Duration::from_secs(2));
        for path in ["", "/profile"] {
            is_on(
                &shown(&mut page, &format!("{console}{path}")),
                std::slice::from_ref(&name),
                path,
            );
        }
    }
    let links = page.evaluate("(async () => { const links = []; \
        for (const path of ['/console/api-keys', '/console/admin/users?q=ada']) { \
          const text = await (await fetch(path)).text(); \
          const list = new DOMParser().parseFromString(text, 'text/html'); \
          for (const link of list.querySelectorAll('main a')) links.push(link.getAttribute('href')); \
        } return links; })()");
    let links = links.as_array().expect("a list").iter().filter_map(Value::as_str);
    let links: Vec<&str> = links.filter(|path| path.contains('-')).collect();
    assert!(links.len() > keys.len() * 2, "{links:?}");
    for path in links {
        let text = shown(&mut page, &format!("{}{path}", server.origin()));
        let stored =
            if path.contains("/users/") { &[&keys[..], &devices].concat() } else { &Vec::new() };
        is_on(&text, stored, path);
    }
    // The passkeys come last: the first one ends the other sessions.
    let passkeys = passkeys(&server, &mut ada);
    for (name, value) in ada.cookies().clone() {
        let cookie = json!({ "name": name, "value": value, "url": server.origin() });
        page.call("Network.setCookie", &cookie);
    }
    let factors = shown(&mut page, &format!("{console}/factors"));
    is_on(&factors, &passkeys, "factors");
    renamed(&mut ada, &mut page, &console);
    for route in portcullis_console::route_table() {
        if route.method == Method::Get && !route.path.contains('{') {
            shown(&mut page, &format!("{}{}", server.origin(), route.path));
        }
    }
    stays_within(&mut page, &server);
}

#[test]
fn a_typed_text_that_a_page_shows_again_is_a_text() {
    let (server, _) = infested();
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.ignore_content_policies();
    let text = texts().join(" ").replace(char::is_control, " ");
    let encoded =
        |text: &str| text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"));
    let query = |name: &str| format!("{}={}", encoded(name), encoded(&text));
    let origin = server.origin();
    for name in ["next", "notice", "token", &text] {
        for path in ["sign-in", "register", "verify-email", "reset-password", "not-me"] {
            shown(&mut page, &format!("{origin}/console/{path}?{}", query(name)));
        }
    }
    let again = |page: &mut Page<'_>, path: &str, fields: &[(&str, &str)]| {
        page.open(&format!("{origin}/console/{path}"));
        for (name, text) in fields {
            let script = "document.querySelectorAll('input, textarea, select')\
                .forEach((field) => { field.type = field.type === 'email' ? 'text' : field.type; \
                                      field.required = false; })";
            page.evaluate(script);
            page.fill(&format!("[name={name}]"), text);
        }
        page.follow("main form button:not([hidden])");
        let found = page.evaluate("[...document.querySelectorAll('main :is(input, textarea)')].map((field) => field.value)");
        let found = found.as_array().expect("a list").clone();
        assert!(found.iter().any(|value| value == &text), "{path}: {found:?}");
        assert_eq!(page.complaints(), [""; 0], "{path}");
    };
    again(&mut page, "sign-in", &[("username", &text), ("password", "x")]);
    again(&mut page, "register", &[("username", &text), ("email", &text), ("password", "x")]);
    again(&mut page, "forgot-password", &[("email", &text)]);
    enter(&mut page, &server);
    again(&mut page, "email", &[("current_password", "x"), ("email", &text)]);
    again(&mut page, "profile", &[("display_name", &text)]);
    again(&mut page, "api-keys/new", &[("name", &text), ("scope", &text), ("networks", &text)]);
    again(&mut page, "admin/invitations", &[("email", &text)]);
    again(&mut page, "admin/bans", &[("address", &text), ("reason", &text)]);
    again(&mut page, "admin/matrix/versions", &[("text", &text)]);
    for (path, name) in [
        ("users", "q"),
        ("users", "role"),
        ("users", "cursor"),
        ("sign-ins", "from"),
        ("sign-ins", "period"),
        ("matrix", "role"),
        ("matrix", "compare"),
        ("audit", "kind"),
        ("audit", "subject"),
        ("audit", "address"),
        ("audit", "resource"),
        ("audit", "until"),
        ("audit", &text),
        ("outbox", "kind"),
    ] {
        shown(&mut page, &format!("{origin}/console/admin/{path}?{}", query(name)));
    }
    stays_within(&mut page, &server);
}

/// Delivers the mails that wait to a real server, and returns them.
fn mails(server: &TestServer) -> Vec<ReceivedMail> {
    const TIMEOUT: Duration = Duration::from_secs(20);
    let smtp = SmtpServer::start();
    let transport = Transport::Smtp(SmtpSettings {
        host: "localhost".to_owned(),
        port: smtp.port(),
        encryption: Encryption::StartTls,
        ca_file: Some(smtp.certificates().root_file()),
        credentials: None,
        connect_timeout: TIMEOUT,
        delivery_timeout: TIMEOUT,
        connections: 4,
    });
    let sender = Sender::new("Example", "auth@example.org").expect("an address");
    let templates = Templates::load(None, "Example", "https://auth.example.org");
    let templates = Arc::new(templates.expect("the templates are built in"));
    let mailer = Mailer::new(MailerSettings { sender, templates, transport }).expect("settings");
    let database = server.database();
    let (store, settings) = (Arc::new(database.connect()), DeliverySettings::default());
    let delivery = MailDelivery::new(store, Arc::new(mailer), settings, database.ambient());
    let delivery = Arc::new(delivery);
    while delivery.deliver().expect("the database answers").more {}
    smtp.received()
}

#[test]
fn a_stored_text_is_a_text_in_every_mail() {
    let (server, mut ada) = infested();
    let (keys, devices) = (keys(&mut ada), devices(&server));
    let name = [("display_name", "<img src=x onerror=alert(1)>")];
    assert_eq!(location(&submit(&mut ada, "/console/profile", &name)), "/console");
    for address in inputs(|context| context == "email-address") {
        let fields = [("email", &*address), ("role", "msa"), ("kind", "user")];
        assert!(!is_stored(&submit(&mut ada, "/console/admin/invitations", &fields), &address));
    }
    let fields = [("email", "a%0abcc'b@x.test"), ("role", "msa"), ("kind", "user")];
    assert!(is_stored(&submit(&mut ada, "/console/admin/invitations", &fields), "an odd address"));
    let mails = mails(&server);
    assert!(mails.iter().any(|mail| mail.to == fields[0].1), "{mails:?}");
    let names = mails[0].header_names();
    let mut plain = String::new();
    for mail in &mails {
        assert!(mail.to == "ada@example.org" || mail.to == fields[0].1, "{}", mail.to);
        assert_eq!(mail.header_names(), names);
        let html = mail.part("text/html").to_lowercase();
        for element in ["<img", "<svg", "<script", "<textarea", "<!--", "href=\"http://evil.test"] {
            assert!(!html.contains(element), "{element} in {html}");
        }
        plain += &mail.part("text/plain").replace('\u{2060}', "");
    }
    let plain: Vec<&str> = plain.split_whitespace().collect();
    let plain = plain.join(" ");
    for text in [keys, devices].concat() {
        let text = MailText::new(&text).as_str().replace('\u{2060}', "");
        assert!(plain.contains(&text), "{text:?} in {plain}");
    }
}

/// The cells of a CSV file as RFC 4180 has them, in rows.
fn cells(file: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut letters, mut is_quoted) = (file.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && letters.next_if_eq(&'\n').is_some() => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
    }
    rows
}

/// All texts in a document.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_stored_text_comes_back_from_every_export_and_is_no_formula() {
    let (server, mut ada) = infested();
    let (keys, devices) = (keys(&mut ada), devices(&server));
    let (agents, resources) = (agents(&server), resources(&server));
    let own = ada.get("/api/auth/me/data", &[]);
    assert_eq!(own.status, 200, "{}", own.text);
    let found = strings(&own.json());
    for text in [&keys[..], &devices].concat() {
        assert!(found.contains(&text), "{text:?} in {found:?}");
    }
    let lines = ada.get("/api/admin/audit/export?format=jsonl", &[]).text;
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let found: Vec<String> = lines.flat_map(|line: Value| strings(&line)).collect();
    // The file that the page leads to.
    let page = ada.get("/console/admin/audit", &[]);
    let path = page.text.split("href=\"").find(|part| part.starts_with("/api/admin/audit/export"));
    let path = path.and_then(|part| part.split('"').next()).expect("a link");
    let rows = cells(&ada.get(&path.replace("&#38;", "&"), &[]).text);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    let rows = rows.concat();
    for cell in &rows {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
    }
    // An apostrophe protects a cell; the tests of the log prove that a reader can remove it.
    let rows: Vec<String> = rows.iter().map(|cell| cell.replace('\'', "")).collect();
    for text in [&agents[..], &resources].concat() {
        assert!(found.contains(&text), "{text:?} in {found:?}");
        assert!(rows.contains(&text.replace('\'', "")), "{text:?} in {rows:?}");
    }
}
