//! `/console/sign-in`: the page of the first step.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::bootstrap::Bootstrap;
use portcullis_web::{Body, Guard, Limit, Method, Priority, Problem, Route};

use crate::form::Field;
use crate::form_page::{FormPage, Link, PasskeyButton};
use crate::local_path::{LocalPath, NEXT};
use crate::page::{self, Frame, NOTICE};
use crate::paths;
use crate::site::Site;
use crate::strings::{ENGLISH, SETUP};

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::SIGN_IN,
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[],
};

/// Shows the form.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
    bootstrap: web::Data<Bootstrap>,
) -> Result<HttpResponse, Problem> {
    let next = LocalPath::of_query(&request);
    let notice =
        page::notice(&request).and_then(|notice| Notice::parse(&notice)).map_or("", Notice::text);
    let mut page = FormPage { notice, ..first_step(&site, &next, "") };
    if bootstrap.was_open() {
        let (before, label) = (SETUP.link_before, SETUP.link);
        page.links.push(Link { before, label, path: paths::SETUP.to_owned() });
    }
    page.show()
}

/// The form once more, because of this problem.
pub(super) fn again(
    site: &Site,
    problem: &Problem,
    next: &LocalPath,
    username: &str,
) -> Result<HttpResponse, Problem> {
    first_step(site, next, username).again(problem)
}

fn first_step<'a>(site: &'a Site, next: &'a LocalPath, username: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let mut page = FormPage::new(Frame::new(site, t.sign_in_title), SHOW.path, t.sign_in_action);
    page.hidden.push((NEXT, next.as_str()));
    page.fields = vec![
        Field::text("username", t.sign_in_name, "username webauthn").value(username).or_passkey(),
        Field::password("password", t.password, "current-password").or_passkey(),
    ];
    let action = paths::PASSKEY_SIGN_IN;
    let passkey = PasskeyButton::sign_in(action, t.sign_in_passkey);
    page.passkey = site.offers.passkeys.then_some(passkey);
    let forgot = paths::FORGOT_PASSWORD.to_owned();
    page.links.push(Link { before: "", label: t.sign_in_forgot, path: forgot });
    if site.offers.registration.is_ok() {
        let (before, label) = (t.sign_in_register_before, t.sign_in_register);
        page.links.push(Link { before, label, path: paths::REGISTER.to_owned() });
    }
    page
}

/// The reason why a person should sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The session has ended.
    Ended,
    /// The account was created.
    Registered,
    /// The first administrator was created.
    SetUp,
    /// The password was reset.
    Reset,
    /// The sign-in is too long ago for the wanted page.
    TooOld,
}

impl Notice {
    const ALL: [Self; 5] = [Self::Ended, Self::Registered, Self::SetUp, Self::Reset, Self::TooOld];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Registered => "registered",
            Self::SetUp => "set-up",
            Self::Reset => "reset",
            Self::TooOld => "confirm",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == word)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Ended => ENGLISH.session_ended,
            Self::Registered => ENGLISH.registered,
            Self::SetUp => SETUP.done,
            Self::Reset => ENGLISH.reset_done,
            Self::TooOld => ENGLISH.sign_in_too_old,
        }
    }

    /// The path of the page with this notice, which leads on to that page.
    pub(crate) fn path(self, next: &LocalPath) -> String {
        let path = next.after(SHOW.path);
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}{NOTICE}={}", self.as_str())
    }
}
