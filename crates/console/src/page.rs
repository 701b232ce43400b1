//! Pages: what every page shows around its content, the signed-in person, and rendering.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use askama::Template;
use portcullis_domain::{AccountId, Ambient, DisplayName, SessionId};
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::access::permission::Permission;
use portcullis_flows::identity::account::{Accounts, CachedAccount};
use portcullis_flows::principal::Principal;
use portcullis_web::{Authenticator, Caller, Code, Problem, blocking};
use url::form_urlencoded;

use crate::section::Section;
use crate::site::Site;
use crate::strings::{ENGLISH, Strings};

/// The frame of a page: title, brand, texts, and the person who is signed in.
pub(crate) struct Frame<'a> {
    /// The texts.
    pub(crate) t: &'static Strings,
    /// The brand and the files.
    pub(crate) site: &'a Site,
    /// The title.
    pub(crate) title: Cow<'a, str>,
    /// The person, on a page behind the sign-in.
    pub(crate) person: Option<&'a Person>,
    /// The path of the page in the navigation.
    pub(crate) here: &'static str,
}

impl<'a> Frame<'a> {
    /// The frame of a page for everybody.
    pub(crate) fn new(site: &'a Site, title: impl Into<Cow<'a, str>>) -> Self {
        Self { t: &ENGLISH, site, title: title.into(), person: None, here: "" }
    }

    /// The class of the main column.
    pub(crate) fn width(&self) -> &'static str {
        match self.person {
            None => "narrow",
            Some(person) if person.sections.is_empty() => "wide",
            Some(_) => "wide for-operators",
        }
    }

    /// True for the section of the page.
    pub(crate) fn is_here(&self, path: &str) -> bool {
        self.here == path
    }

    /// The frame of a page of this person, which the navigation marks as `here`.
    pub(crate) fn of(
        person: &'a Person,
        site: &'a Site,
        title: impl Into<Cow<'a, str>>,
        here: &'static str,
    ) -> Self {
        Self { person: Some(person), here, ..Self::new(site, title) }
    }
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, HTML)).body(rendered(template)?))
}

/// A page that shows this problem, with its status and its headers.
pub(crate) fn refused(
    problem: &Problem,
    template: &impl Template,
) -> Result<HttpResponse, Problem> {
    Ok(problem.page(rendered(template)?))
}

fn rendered(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be rendered");
        Problem::new(Code::Internal)
    })
}

/// The media type of pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The browser goes to this path, by GET.
pub(crate) fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// The browser sends the form once more, to this path.
pub(crate) fn repeat(path: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, path)).finish()
}

/// The first value of a key of the query. Links may carry further keys, which mail programs and search
/// engines add.
pub(crate) fn query_value(request: &HttpRequest, key: &str) -> Option<String> {
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    query.find(|(known, _)| known == key).map(|(_, value)| value.into_owned())
}

/// The word of a notice in the query, with which a page of this server leads to another one. A link of
/// another site shows none, so that it cannot tell people of something that has not happened.
pub(crate) fn notice(request: &HttpRequest) -> Option<String> {
    query_value(request, NOTICE).filter(|_| !comes_from_elsewhere(request))
}

/// The key of a notice.
pub(crate) const NOTICE: &str = "notice";

/// True if the browser says that another site has caused the request.
pub(crate) fn comes_from_elsewhere(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}

/// The signed-in person of a page: the principal that the guard has authenticated, its account, and a CSRF
/// token for its forms.
pub(crate) struct Person {
    /// The principal.
    pub(crate) principal: Principal,
    /// The account, at most one second old.
    pub(crate) account: Arc<CachedAccount>,
    /// The sections for operators that the role of the account opens.
    pub(crate) sections: Vec<Section>,
    /// The CSRF token of the session.
    pub(crate) csrf: String,
    accounts: web::Data<Accounts>,
}

impl Person {
    /// The account and the session.
    pub(crate) fn session(&self) -> Result<(AccountId, SessionId), Problem> {
        let session = self.principal.account().zip(self.principal.session());
        session.ok_or_else(|| Problem::new(Code::NotAuthenticated))
    }

    /// The same person in another session.
    pub(crate) fn in_session(
        self,
        request: &HttpRequest,
        session: SessionId,
    ) -> Result<Self, Problem> {
        Ok(Self { csrf: csrf(request, session)?, ..self })
    }

    /// Removes the account from the cache of this node, after a change.
    pub(crate) fn forget_account(&self) {
        self.accounts.forget(self.account.id);
    }

    /// True if the matrix in force grants this to the role of the account. It decides what a page offers;
    /// the guard of the route decides what happens.
    pub(crate) fn may(
        &self,
        request: &HttpRequest,
        permission: Permission,
    ) -> Result<bool, Problem> {
        let matrix = shared::<Matrices>(request)?.active().load();
        Ok(matrix.allows(&self.account.role, permission))
    }

    /// The display name, or the user name.
    pub(crate) fn name(&self) -> &str {
        let name = self.account.display_name.as_ref().map(DisplayName::as_str);
        name.unwrap_or(self.account.username.as_str())
    }
}

/// A CSRF token for the forms of a session.
fn csrf(request: &HttpRequest, session: SessionId) -> Result<String, Problem> {
    let random = &shared::<Ambient>(request)?.random;
    Ok(shared::<Authenticator>(request)?.csrf.issue(session, &**random))
}

impl FromRequest for Person {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let caller = caller.await?;
            let (id, session) = caller.session()?;
            let accounts = shared::<Accounts>(&request)?;
            let reader = accounts.clone();
            let account = match accounts.recent(id) {
                Some(account) => account,
                None => blocking(move || reader.read(id))
                    .await?
                    .ok_or_else(|| Problem::new(Code::InvalidToken))?,
            };
            let matrix = shared::<Matrices>(&request)?.active().load();
            let may = |permission| matrix.allows(&account.role, permission);
            let sections = Section::open(may);
            let csrf = csrf(&request, session)?;
            Ok(Self { principal: caller.0, account, sections, csrf, accounts })
        })
    }
}

/// The value of that type that the server has.
pub(crate) fn shared<T: 'static>(request: &HttpRequest) -> Result<web::Data<T>, Problem> {
    request.app_data::<web::Data<T>>().cloned().ok_or_else(|| Problem::new(Code::Internal))
}
