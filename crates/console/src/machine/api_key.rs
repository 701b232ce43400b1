//! `/console/api-keys`: creates, replaces and revokes API keys of the account of a developer.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Ambient, ApiKeyId, Timestamp};
use portcullis_flows::machine::api_key::{
    ApiKeyAuthority, ApiKeyChecks, ApiKeyRecord, ApiKeys, NewApiKey,
};
use portcullis_web::{
    ApiKeyRequest, Body, Code, FieldProblem, Form, Guard, Hashing, Limit, Method, Problem, Route,
    SecretText, blocking,
};
use serde::Deserialize;

use crate::form::{EmptyForm, Field, checked};
use crate::form_page::FormPage;
use crate::moment::Moment;
use crate::page::{Frame, Person, page, see};
use crate::paths;
use crate::proof::CurrentForm;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "api_keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    keys: Vec<KeyItem>,
}

/// A key in the list.
pub(crate) struct KeyItem {
    pub(crate) id: ApiKeyId,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) networks: String,
    pub(crate) times: String,
    pub(crate) is_expired: bool,
}

impl KeyItem {
    pub(crate) fn of(ApiKeyRecord { stored, terms }: ApiKeyRecord, now: Timestamp) -> Self {
        let t = &ENGLISH;
        let joined = |texts: Vec<String>| texts.join(", ");
        let scope = terms
            .as_ref()
            .map(|terms| joined(terms.scope.items().map(ToString::to_string).collect()));
        let networks = terms.as_ref().map(|terms| joined(terms.networks.networks().collect()));
        let used = stored.last_used_at.map_or_else(
            || t.not_used_yet.to_owned(),
            |used_at| format!("{} {}", t.last_used, Moment(used_at)),
        );
        Self {
            id: stored.id,
            scope: scope.unwrap_or_else(|| t.api_key_damaged.to_owned()),
            networks: networks
                .filter(|networks| !networks.is_empty())
                .unwrap_or_else(|| t.api_key_everywhere.to_owned()),
            times: format!("{} {} · {used}", t.expires, Moment(stored.expires_at)),
            is_expired: stored.expires_at <= now,
            name: stored.name.as_str().to_owned(),
        }
    }
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: paths::API_KEYS,
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the keys.
pub(crate) async fn list(
    person: Person,
    site: web::Data<Site>,
    keys: web::Data<ApiKeys>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let (account, _) = person.session()?;
    let records = blocking(move || keys.list(account)).await?;
    let now = ambient.now();
    page(&KeysPage {
        frame: Frame::of(&person, &site, ENGLISH.api_keys_title, paths::HOME),
        keys: records.into_iter().map(|record| KeyItem::of(record, now)).collect(),
    })
}

pub(crate) const SHOW: Route =
    Route { path: "/console/api-keys/new", guard: Guard::CALLER.recent(), errors: &[], ..LIST };

/// Shows the form of a new key.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&person, &site, &Typed::default()).show()
}

/// The texts of the form, as typed.
#[derive(Default)]
struct Typed {
    name: String,
    scope: String,
    networks: String,
    days: String,
}

fn form_page<'a>(person: &'a Person, site: &'a Site, typed: &'a Typed) -> FormPage<'a> {
    const DEFAULT_DAYS: &str = "90";
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.api_key_add, paths::HOME);
    let mut page = FormPage::new(frame, CREATE.path, t.api_key_add);
    let days = if typed.days.is_empty() { DEFAULT_DAYS } else { &typed.days };
    page.fields = vec![
        Field::text("name", t.api_key_name, "off").value(&typed.name).hint(t.api_key_name_hint),
        Field::lines("scope", t.api_key_scope).value(&typed.scope).hint(t.api_key_scope_hint),
        Field::lines("networks", t.api_key_networks)
            .value(&typed.networks)
            .hint(t.api_key_networks_hint)
            .optional(),
        Field::number("days", t.api_key_days).value(days).hint(t.api_key_days_hint),
    ];
    page.reauthenticate(person);
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyForm {
    name: String,
    scope: String,
    networks: String,
    days: String,
    current_password: Option<SecretText>,
    credential: Option<SecretText>,
}

pub(crate) const CREATE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoApiKeys,
        Code::TooManyApiKeys,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Creates a key, and shows it once.
pub(crate) async fn create(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    keys: web::Data<ApiKeys>,
    hashing: Hashing,
    form: Form<KeyForm>,
) -> Result<HttpResponse, Problem> {
    let KeyForm { name, scope, networks, days, current_password, credential } = form.0;
    let typed = Typed { name, scope, networks, days };
    let attempt = async {
        let days = typed.days.trim().parse().map_err(|_| {
            let message = ENGLISH.api_key_days_fault;
            Problem::new(Code::InvalidRequest).field(FieldProblem::new(
                "days".to_owned(),
                "out_of_range",
                message,
            ))
        })?;
        let name = checked("name", &typed.name)?;
        let request_of_key = ApiKeyRequest {
            name: &name,
            scope: Some(lines(&typed.scope)),
            networks: Some(lines(&typed.networks)),
            days: Some(days),
        };
        let wanted = request_of_key.checked()?;
        let current = CurrentForm { current_password, credential }.request(&person, &request)?;
        let (address, principal) = (current.origin.address, person.principal.clone());
        let create = move || {
            let authority = ApiKeyAuthority { owner: current.account, principal: &principal };
            keys.create(authority, Some(&current), &wanted)
        };
        hashing.run(address, create).await
    };
    match attempt.await {
        Ok(created) => key_page(&person, &site, &created),
        Err(problem) => form_page(&person, &site, &typed).again(&problem),
    }
}

/// The lines that have a text.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The page with the key.
#[derive(Template)]
#[template(path = "api_key.html")]
struct KeyPage<'a> {
    frame: Frame<'a>,
    key: &'a str,
    name: &'a str,
    keys: &'static str,
}

fn key_page(person: &Person, site: &Site, created: &NewApiKey) -> Result<HttpResponse, Problem> {
    page(&KeyPage {
        frame: Frame::of(person, site, ENGLISH.api_key_new_title, paths::HOME),
        key: created.key.expose(),
        name: created.record.stored.name.as_str(),
        keys: paths::API_KEYS,
    })
}

pub(crate) const ROTATION: Route = Route {
    path: "/console/api-keys/{id}/rotate",
    errors: &[Code::NotFound, Code::Unavailable],
    ..SHOW
};

/// Asks for the password before a key is replaced.
pub(crate) async fn rotation(
    person: Person,
    site: web::Data<Site>,
    keys: web::Data<ApiKeys>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let name = name_of(&person, keys, &id).await?;
    rotation_page(&person, &site, &id, &name).show()
}

fn rotation_page<'a>(person: &'a Person, site: &'a Site, id: &str, name: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.api_key_rotate_title, paths::HOME);
    let path = format!("{}/{id}/rotate", paths::API_KEYS);
    let page = FormPage::credential(frame, path, (t.api_key_rotate_text, t.api_key_rotate), person);
    FormPage { subject: name, ..page }
}

pub(crate) const ROTATE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NotFound,
        Code::ApiKeyReplaced,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..ROTATION
};

/// Replaces a key, and shows the new one once.
pub(crate) async fn rotate(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    (keys, checks): (web::Data<ApiKeys>, web::Data<ApiKeyChecks>),
    hashing: Hashing,
    id: web::Path<String>,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let key = parsed(&id)?;
    let name = name_of(&person, keys.clone(), &id).await?;
    let attempt = async {
        let current = form.0.request(&person, &request)?;
        let (address, principal) = (current.origin.address, person.principal.clone());
        let rotate = move || {
            let authority = ApiKeyAuthority { owner: current.account, principal: &principal };
            let rotated = keys.rotate(authority, Some(&current), key, None);
            checks.forget(key);
            rotated
        };
        hashing.run(address, rotate).await
    };
    match attempt.await {
        Ok(rotated) => key_page(&person, &site, &rotated),
        Err(problem) => rotation_page(&person, &site, &id, &name).again(&problem),
    }
}

pub(crate) const REVOCATION: Route = Route { path: "/console/api-keys/{id}/revoke", ..ROTATION };

/// Asks before a key is revoked.
pub(crate) async fn revocation(
    person: Person,
    site: web::Data<Site>,
    keys: web::Data<ApiKeys>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let name = name_of(&person, keys, &id).await?;
    let frame = Frame::of(&person, &site, t.api_key_revoke_title, paths::HOME);
    let path = format!("{}/{}/revoke", paths::API_KEYS, &*id);
    let mut page = FormPage::new(frame, path, t.api_key_revoke);
    page.subject = &name;
    page.text = t.api_key_revoke_text;
    page.is_dangerous = true;
    page.show()
}

pub(crate) const REVOKE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
    ..REVOCATION
};

/// Revokes a key.
pub(crate) async fn revoke(
    person: Person,
    keys: web::Data<ApiKeys>,
    checks: web::Data<ApiKeyChecks>,
    id: web::Path<String>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let (key, (owner, _)) = (parsed(&id)?, person.session()?);
    let principal = person.principal.clone();
    let revoke = move || {
        let revoked = keys.revoke(ApiKeyAuthority { owner, principal: &principal }, key);
        checks.forget(key);
        revoked
    };
    blocking(revoke).await?;
    Ok(see(paths::API_KEYS))
}

async fn name_of(person: &Person, keys: web::Data<ApiKeys>, id: &str) -> Result<String, Problem> {
    let (id, (account, _)) = (parsed(id)?, person.session()?);
    let own = blocking(move || keys.list(account)).await?;
    let own = own.into_iter().find(|record| record.stored.id == id);
    own.map(|record| record.stored.name.as_str().to_owned())
        .ok_or_else(|| Problem::new(Code::NotFound))
}

fn parsed(id: &str) -> Result<ApiKeyId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
