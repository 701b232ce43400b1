//! `/console/admin/first-steps`: four steps from a new server to one that people and services can rely on.

use actix_web::http::header::{HOST, REFERER};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_flows::access::permission;
use portcullis_flows::node::outbox::{FailureClass, MailState, OutboxAdministration, OutboxMail};
use portcullis_web::quotas::{MAILED_LINKS, TEST_MAILS};
use portcullis_web::{
    Authenticator, Body, Code, Form, Guard, Limit, Method, Problem, Route, Settings, blocking,
};
use url::Url;

use crate::form::EmptyForm;
use crate::moment::Moment;
use crate::page::{Frame, Person, notice, page, see};
use crate::paths;
use crate::section::Section;
use crate::site::{MailWay, Site};
use crate::strings::{FIRST_STEPS, FirstStepsStrings};

/// The first example of the guard; a test compares them.
const FIRST_ROUTE: &str = include_str!("../../templates/first_route.txt");

#[derive(Template)]
#[template(path = "first_steps.html")]
struct FirstStepsPage<'a> {
    frame: Frame<'a>,
    s: &'static FirstStepsStrings,
    path: &'static str,
    is_queued: bool,
    origin: &'a str,
    seen: Option<String>,
    email: &'a str,
    mail: MailStep,
    send: &'static str,
    outbox: Option<&'static str>,
    has_factor: bool,
    has_service: bool,
    code: String,
}

impl FirstStepsPage<'_> {
    fn has_right_origin(&self) -> bool {
        self.seen.as_deref() == Some(self.origin)
    }
}

/// The state of mails.
struct MailStep {
    state: &'static str,
    is_good: bool,
    is_bad: bool,
    /// What is wrong with the way of mails; empty if nothing is.
    way: &'static str,
    /// The time of the latest test mail.
    at: Option<Moment>,
    result: &'static str,
    due_at: Option<Moment>,
}

impl MailStep {
    fn of(way: MailWay, latest: Option<OutboxMail>) -> Self {
        let s = &FIRST_STEPS;
        let state = latest.as_ref().map(|mail| mail.state);
        let failure = latest.as_ref().and_then(|mail| mail.failure);
        let is_delivered = state == Some(MailState::Delivered);
        let is_bad = state == Some(MailState::Dead) || !is_delivered && failure.is_some();
        let is_good = is_delivered && way == MailWay::Server;
        Self {
            state: match state {
                _ if is_good => s.done,
                _ if is_bad => s.failed,
                Some(MailState::Waiting) => s.waiting,
                _ => s.open,
            },
            is_good,
            is_bad,
            way: match way {
                MailWay::Server => "",
                MailWay::Output => s.mail_output,
                MailWay::None => s.mail_none,
            },
            result: match failure.filter(|_| !is_delivered) {
                Some(failure) => reason(failure),
                None if is_delivered && way == MailWay::Output => s.mail_printed,
                None if is_delivered => s.mail_accepted,
                None => s.mail_waits,
            },
            at: latest.as_ref().map(|mail| Moment(mail.created_at)),
            due_at: latest.and_then(|mail| mail.due_at).filter(|_| is_bad).map(Moment),
        }
    }
}

const fn reason(failure: FailureClass) -> &'static str {
    match failure {
        FailureClass::Refused => FIRST_STEPS.failure_refused,
        FailureClass::Deferred => FIRST_STEPS.failure_deferred,
        FailureClass::Unavailable => FIRST_STEPS.failure_unavailable,
        FailureClass::Unreadable => FIRST_STEPS.failure_unreadable,
    }
}

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::FIRST_STEPS,
    guard: Guard::permitted(Section::Settings.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Shows the steps with their states.
pub(crate) async fn show(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    outbox: web::Data<OutboxAdministration>,
    authenticator: web::Data<Authenticator>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let latest = blocking(move || outbox.latest_test()).await?;
    let may_list = person.may(&request, permission::READ_OUTBOX)?;
    let audience = format!("\"{}\"", authenticator.authority.audience());
    let code = FIRST_ROUTE.replace("\"portcullis\"", &audience);
    page(&FirstStepsPage {
        frame: Frame::of(&person, &site, FIRST_STEPS.title, Section::Settings.path()),
        s: &FIRST_STEPS,
        path: SHOW.path,
        is_queued: notice(&request).as_deref() == Some("queued"),
        origin: &settings.origin,
        seen: browser_origin(&request, &settings.origin),
        email: person.account.email.as_str(),
        mail: MailStep::of(site.offers.mails, latest),
        send: TEST_MAIL.path,
        outbox: may_list.then_some(Section::Outbox.path()),
        has_factor: person.account.mfa_enabled,
        has_service: !authenticator.services.is_empty(),
        code: code.replace("https://auth.example.org", authenticator.authority.issuer()),
    })
}

/// The origin that the browser uses. A page before this one names it; without one, the host is that of the
/// request and the scheme is taken as the configured one, because a proxy may end TLS.
fn browser_origin(request: &HttpRequest, configured: &str) -> Option<String> {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    let is_own = text("sec-fetch-site") == Some("same-origin");
    let before = text(REFERER.as_str()).filter(|_| is_own).and_then(|page| Url::parse(page).ok());
    if let Some(before) = before {
        return Some(before.origin().ascii_serialization());
    }
    let (scheme, _) = configured.split_once("://")?;
    let host = text(HOST.as_str()).or_else(|| Some(request.uri().authority()?.as_str()))?;
    Some(format!("{scheme}://{}", host.to_ascii_lowercase()))
}

pub(crate) const TEST_MAIL: Route = Route {
    method: Method::Post,
    path: "/console/admin/first-steps/test-mail",
    guard: SHOW.guard.recent(),
    limit: Limit::rate(&MAILED_LINKS).account(&TEST_MAILS),
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Sends a test mail to the own address.
pub(crate) async fn test_mail(
    person: Person,
    outbox: web::Data<OutboxAdministration>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let (account, _) = person.session()?;
    let principal = person.principal.clone();
    blocking(move || outbox.send_test(&principal, account)).await?;
    Ok(see(&format!("{}?notice=queued", SHOW.path)))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_origin_of_the_browser_is_that_of_its_page_before_or_the_host() {
        let configured = "https://auth.example.org";
        let seen = |headers: &[(&'static str, &'static str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::default(), |request, header| request.insert_header(*header));
            browser_origin(&request.to_http_request(), configured)
        };
        let page = ("referer", "http://Auth.example.org:8080/console/sign-in");
        let host = ("host", "Auth.example.org");
        let own = ("sec-fetch-site", "same-origin");
        for (headers, origin) in [
            (&[own, page, host][..], Some("http://auth.example.org:8080")),
            (&[("sec-fetch-site", "cross-site"), page, host], Some(configured)),
            (&[page, host], Some(configured)),
            (&[own, host], Some(configured)),
            (&[("host", "10.0.0.7:8080")], Some("https://10.0.0.7:8080")),
        ] {
            assert_eq!(seen(headers).as_deref(), origin, "{headers:?}");
        }
    }
}
