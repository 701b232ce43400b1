//! `/console/profile`: the display name.

use actix_web::{HttpResponse, web};
use portcullis_domain::DisplayName;
use portcullis_flows::identity::profile::Profiles;
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Problem, Route, blocking};
use serde::Deserialize;

use crate::form::{Field, checked};
use crate::form_page::FormPage;
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::PROFILE,
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Shows the form.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    let name = person.account.display_name.as_ref().map_or("", DisplayName::as_str);
    form_page(&person, &site, name).show()
}

fn form_page<'a>(person: &'a Person, site: &'a Site, name: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.profile_title, paths::HOME);
    let mut page = FormPage::new(frame, CHANGE.path, t.save);
    page.text = t.profile_text;
    let field = Field::text("display_name", t.display_name, "name").value(name);
    page.fields.push(field.optional());
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileForm {
    display_name: String,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::UnacceptableAccount, Code::OutcomeUnknown, Code::Unavailable],
    ..SHOW
};

/// Changes the display name; an empty one is none.
pub(crate) async fn change(
    person: Person,
    site: web::Data<Site>,
    profiles: web::Data<Profiles>,
    form: Form<ProfileForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0.display_name;
    let id = person.account.id;
    let attempt = async {
        let name = checked("display_name", &typed)?;
        let principal = person.principal.clone();
        let rename = move || {
            let name = Some(name.as_str()).filter(|name| !name.is_empty());
            profiles.rename(&principal, id, name)
        };
        blocking(rename).await
    };
    match attempt.await {
        Ok(_) => {
            person.forget_account();
            Ok(see(paths::HOME))
        }
        Err(problem) if problem.code == Code::InvalidToken => Err(problem),
        Err(problem) => form_page(&person, &site, &typed).again(&problem),
    }
}
