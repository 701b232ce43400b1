//! The first steps of an administrator.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::node::outbox::{
    DeliverySettings, MailDelivery, MailSender, OutgoingMail, SendError,
};
use portcullis_mail::{Encryption, SmtpSettings, Transport};
use portcullis_testkit::{
    Answer, Browser, Chromium, PASSWORD, SERVICE, SmtpServer, TestDatabase, TestServer,
    TestSettings,
};

use crate::administration::with_role;
use crate::form::{location, submit};
use crate::setup::token;

const PATH: &str = "/console/admin/first-steps";
const SEND: &str = "/console/admin/first-steps/test-mail";

/// The texts of a page, as a person reads them.
fn plain(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = answer.text.replace("&#60;", "<").replace("&#62;", ">").replace("&gt;", ">");
    text.replace("&#34;", "\"").replace("&#38;", "&")
}

#[test]
fn the_test_mail_goes_through_the_outbox_and_its_state_is_shown() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        server.database().mails();
        let before = admin.get(PATH, &[]);
        assert!(before.text.contains("No mail server is configured"), "{}", before.text);
        assert!(!before.text.contains("Latest test mail"), "{}", before.text);
        let sent = submit(&mut admin, SEND, &[]);
        assert_eq!(location(&sent), format!("{PATH}?notice=queued"));
        let waiting = admin.get(&format!("{PATH}?notice=queued"), &[]);
        assert!(waiting.text.contains("It waits for its first attempt"), "{}", waiting.text);
        assert!(waiting.text.contains("<span class=\"tag\">on its way</span>"), "{}", waiting.text);
        let mails = server.database().mails();
        let [mail] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!((mail.mail.kind(), &*mail.recipient), ("test", "ada@example.org"));
        let done = admin.get(PATH, &[]);
        assert!(done.text.contains("The mail server has accepted it"), "{}", done.text);
        let log = admin.get("/console/admin/audit?kind=mail_tested", &[]);
        assert_eq!(log.text.matches("<td>mail_tested").count(), 1, "{}", log.text);
    });
}

/// A mail server that refuses every mail.
struct Refusing;

impl MailSender for Refusing {
    fn send(&self, _: &OutgoingMail<'_>) -> Result<(), SendError> {
        Err(SendError::Refused("550 5.7.1 <the text of a reply>".to_owned()))
    }
}

#[test]
fn a_refused_test_mail_is_shown_with_the_class_of_its_reason() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    server.database().mails();
    submit(&mut admin, SEND, &[]);
    let store = Arc::new(server.database().connect());
    let settings = DeliverySettings { concurrency: 1, ..DeliverySettings::default() };
    let ambient = server.database().ambient();
    let delivery = Arc::new(MailDelivery::new(store, Arc::new(Refusing), settings, ambient));
    delivery.deliver().expect("the database answers");
    let page = admin.get(PATH, &[]);
    assert!(page.text.contains("tag bad\">failed"), "{}", page.text);
    assert!(page.text.contains("The mail server refuses it"), "{}", page.text);
    assert!(!page.text.contains("the text of a reply"), "{}", page.text);
}

#[test]
fn a_test_mail_needs_a_recent_sign_in_and_the_page_its_permission() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    assert_eq!(with_role(&server, "bob", "msa").get(PATH, &[]).status, 403);
    server.clock().advance(Duration::from_secs(1_000));
    let asked = submit(&mut admin, SEND, &[]);
    assert_eq!(asked.status, 307, "{}", asked.text);
    assert_eq!(admin.get(PATH, &[]).status, 200);
}

#[test]
fn an_account_sends_five_test_mails_in_an_hour_whatever_its_address() {
    let settings = TestSettings::default();
    let mut rate_limits = settings.rate_limits.clone();
    rate_limits.routes.retain(|quota| quota.name() != "test_mails");
    let settings = TestSettings { rate_limits, ..settings };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let [mut ada, mut elsewhere, mut grace] =
        ["ada", "ada", "grace"].map(|name| with_role(&server, name, "admin"));
    for _ in 0..5 {
        assert_eq!(location(&submit(&mut ada, SEND, &[])), format!("{PATH}?notice=queued"));
    }
    let refused = submit(&mut ada, SEND, &[]);
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(submit(&mut elsewhere, SEND, &[]).status, 429, "in each session");
    assert_eq!(submit(&mut grace, SEND, &[]).status, 303, "the address has more");
    let sent = server.database().mails();
    assert_eq!(sent.iter().filter(|mail| mail.mail.kind() == "test").count(), 6);
}

#[test]
fn the_address_is_compared_with_that_of_the_browser() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let right = admin.get(PATH, &[]);
    assert!(right.text.contains("Both are the same"), "{}", right.text);
    let own = ("sec-fetch-site", "same-origin");
    let other = [own, ("referer", "https://auth.example.net/console/sign-in")];
    let wrong = plain(&admin.get(PATH, &other));
    assert!(wrong.contains("PORTCULLIS__SERVER__BASE_URL=https://auth.example.net<"), "{wrong}");
}

#[test]
fn the_code_of_the_page_is_what_the_server_answers_and_the_guard_compiles() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let page = plain(&admin.get(PATH, &[]));

    // The first example of the guard is compiled by its own crate.
    let readme = include_str!("../../crates/guard/README.md");
    let (_, example) = readme.split_once("```rust,no_run\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let lines = example.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    let code = lines.collect::<Vec<_>>().join("\n");
    let code = code.replace("../../config/access_matrix.toml", "access_matrix.toml");
    let code = code.replace("https://auth.example.org", "https://auth.example.test");
    assert!(page.contains(&code), "{code}\n\n{page}");

    let origin = server.origin();
    let commands: Vec<&str> = page.lines().filter(|line| line.contains("curl -sS")).collect();
    let [keys, question] = commands[..] else { panic!("{commands:?}") };
    assert!(keys.ends_with(&format!("curl -sS {origin}/.well-known/jwks.json")), "{keys}");
    assert_eq!(Browser::of(&server).get("/.well-known/jwks.json", &[]).status, 200);
    let path = "/api/auth/introspect";
    assert!(question.contains(&format!("{origin}{path} -d \"token=$TOKEN\"")), "{question}");
    let token = Browser::of(&server).sign_in_for_tokens("ada").field("access_token");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let bearer = format!("Bearer {}", SERVICE.1);
    let headers = [form, ("authorization", bearer.as_str())];
    let answer = Browser::of(&server).send("POST", path, &headers, &format!("token={token}"));
    assert_eq!(answer.json()["active"], true, "{}", answer.text);
}

#[test]
fn a_new_server_is_set_up_in_a_browser_until_a_test_mail_arrives() {
    let smtp = SmtpServer::start();
    let timeout = Duration::from_secs(20);
    let transport = Transport::Smtp(SmtpSettings {
        host: "localhost".to_owned(),
        port: smtp.port(),
        encryption: Encryption::StartTls,
        ca_file: Some(smtp.certificates().root_file()),
        credentials: None,
        connect_timeout: timeout,
        delivery_timeout: timeout,
        connections: 1,
    });
    let settings = TestSettings { mails: Some(transport), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let token = token(&server);
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.follow("a[href='/console/setup']");
    page.fill("#setup_token", "not-the-token");
    page.fill("#username", "grace");
    page.fill("#email", "grace@example.org");
    page.fill("#password", PASSWORD);
    page.submit();
    assert!(page.text().contains("The setup token is not valid"), "{}", page.text());
    assert_eq!(page.evaluate("document.querySelector('#username').value"), "grace");
    assert_eq!(page.evaluate("document.querySelector('#setup_token').value"), "");
    page.fill("#setup_token", &token);
    page.fill("#password", PASSWORD);
    page.submit();
    assert!(page.text().contains("The administrator is ready"), "{}", page.text());
    page.fill("#username", "grace");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), PATH, "{}", page.text());
    assert!(page.text().contains("Both are the same"), "{}", page.text());
    page.follow(&format!("form[action='{SEND}'] button"));
    let clock = SystemClock::new();
    while !page.text().contains("The mail server has accepted it") {
        assert!(clock.monotonic() < 3 * timeout, "{}", page.text());
        page.follow(&format!("a[href='{PATH}']"));
    }
    let received = smtp.received();
    assert!(received.iter().any(|mail| mail.to.contains("grace@example.org")), "{received:?}");
    page.follow("li:nth-child(3) a");
    assert_eq!(page.path(), "/console/factors");
}
