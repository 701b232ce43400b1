//! `/console/admin/users/{id}`: one account, with what an administrator may do to it.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Account, AccountId, Ambient, Timestamp};
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::access::permission;
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::account_change::{AccountChanges, AccountPatch, ChangeError};
use portcullis_flows::identity::account_deletion::AccountDeletions;
use portcullis_flows::identity::account_directory::AccountDetails;
use portcullis_flows::machine::api_key::{ApiKeyChecks, ApiKeyRecord, ApiKeys};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::session::ActiveSession;
use portcullis_flows::sign_in::session_directory::SessionDirectory;
use portcullis_flows::sign_in::unlock::Lockouts;
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Priority, Problem, Route, blocking};
use serde::Deserialize;

use crate::form::{ConfirmedForm, EmptyForm, Faults, IdForm};
use crate::machine::api_key::KeyItem;
use crate::moment::Moment;
use crate::page::{Frame, Person, notice, page, refused, see, shared};
use crate::section::Section;
use crate::sign_in::session::SessionItem;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    notice: &'a str,
    faults: Faults,
    path: String,
    user: Account,
    failures: u32,
    locked_until: Option<String>,
    networks: String,
    roles: Vec<String>,
    may_change_role: bool,
    may_change_state: bool,
    may_end_sessions: bool,
    actions: Vec<Action>,
    sessions: Vec<SessionItem>,
    keys: Vec<KeyItem>,
}

/// An action without a choice.
struct Action {
    path: &'static str,
    title: &'static str,
    text: &'static str,
    is_dangerous: bool,
}

/// What the page shows, as it was read.
struct Found {
    details: AccountDetails,
    sessions: Vec<ActiveSession>,
    keys: Vec<ApiKeyRecord>,
}

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: "/console/admin/users/{id}",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Shows an account. The audit log records the access.
pub(crate) async fn show(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let is_done = notice(&request).as_deref() == Some("done");
    let text = if is_done { ENGLISH.change_done } else { "" };
    page(&user_page(&person, &request, &site, parsed(&id)?, text).await?)
}

async fn user_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
    id: AccountId,
    notice: &'a str,
) -> Result<UserPage<'a>, Problem> {
    let Found { details, sessions, keys } = read(person, request, id).await?;
    let now = shared::<Ambient>(request)?.now();
    let current = person.session()?.1;
    let may = |permission| person.may(request, permission);
    let rights = Rights {
        change_state: may(permission::CHANGE_STATE)?,
        end_sessions: may(permission::END_SESSIONS)?,
        delete: may(permission::DELETE_ACCOUNT)?,
    };
    let AccountDetails { account, failures, locked_until, .. } = details;
    let is_locked = locked_until.is_some() || account.is_blocked || failures > 0;
    let networks: Vec<String> = account.allowed_networks.networks().collect();
    let matrix = shared::<Matrices>(request)?.active().load();
    Ok(UserPage {
        frame: Frame::of(
            person,
            site,
            account.username.as_str().to_owned(),
            Section::Accounts.path(),
        ),
        notice,
        faults: Faults::default(),
        path: format!("{}/{id}", Section::Accounts.path()),
        failures,
        locked_until: locked_until.map(|until| match until {
            Timestamp::NEVER => ENGLISH.unlocked_only.to_owned(),
            until => Moment(until).to_string(),
        }),
        networks: networks.join(", "),
        roles: matrix.matrix.roles().map(str::to_owned).collect(),
        may_change_role: may(permission::CHANGE_ROLE)?,
        may_change_state: rights.change_state,
        may_end_sessions: rights.end_sessions,
        actions: actions(&account, &rights, is_locked),
        sessions: sessions.iter().map(|session| SessionItem::session(session, current)).collect(),
        keys: keys.into_iter().map(|record| KeyItem::of(record, now)).collect(),
        user: account,
    })
}

/// What the matrix grants to the person for accounts.
struct Rights {
    change_state: bool,
    end_sessions: bool,
    delete: bool,
}

fn actions(account: &Account, rights: &Rights, is_locked: bool) -> Vec<Action> {
    let t = &ENGLISH;
    let action = |path, title, text, is_offered: bool, is_dangerous| {
        is_offered.then_some(Action { path, title, text, is_dangerous })
    };
    let state = rights.change_state;
    [
        action("unlock", t.unlock, t.unlock_text, state && is_locked, false),
        action("end-sessions", t.end_sessions, t.end_sessions_text, rights.end_sessions, false),
        action(
            "demand-password",
            t.demand_password,
            t.demand_password_text,
            state && !account.password_must_change,
            false,
        ),
        action(
            "reset-factors",
            t.reset_factors,
            t.reset_factors_text,
            state && account.mfa_enabled,
            true,
        ),
        action("activate", t.activate, t.activate_text, state && !account.is_active, false),
        action("deactivate", t.deactivate, t.deactivate_text, state && account.is_active, true),
        action("delete", t.delete_user, t.delete_user_text, rights.delete, true),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn read(person: &Person, request: &HttpRequest, id: AccountId) -> Result<Found, Problem> {
    let lockouts = shared::<Lockouts>(request)?;
    let directory = shared::<SessionDirectory>(request)?;
    let keys = shared::<ApiKeys>(request)?;
    let principal = person.principal.clone();
    let read = move || {
        Ok::<_, ChangeError>(Found {
            details: lockouts.read(&principal, id)?,
            sessions: directory.of_account(&principal, id)?,
            keys: keys.list(id)?,
        })
    };
    blocking(read).await
}

/// Carries out a change, and shows the account with its result.
async fn carry_out<E>(
    person: &Person,
    request: &HttpRequest,
    site: &Site,
    id: &str,
    change: impl FnOnce(&Principal, AccountId) -> Result<(), E> + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    E: Send + 'static,
    Problem: From<E>,
{
    let id = parsed(id)?;
    let principal = person.principal.clone();
    match blocking(move || change(&principal, id)).await {
        Ok(()) => {
            shared::<Accounts>(request)?.forget(id);
            Ok(see(&format!("{}/{id}?notice=done", Section::Accounts.path())))
        }
        Err(problem) if problem.code == Code::NotFound => Err(problem),
        Err(problem) => {
            let shown = user_page(person, request, site, id, "").await?;
            refused(&problem, &UserPage { faults: Faults::of(&problem), ..shown })
        }
    }
}

/// The change that this patch makes.
fn patching(
    changes: web::Data<AccountChanges>,
    patch: AccountPatch,
) -> impl FnOnce(&Principal, AccountId) -> Result<(), ChangeError> + Send + 'static {
    move |principal, id| changes.change(principal, id, &patch).map(drop)
}

/// A route of a change that requires this permission.
const fn changing(path: &'static str, permissions: &'static [permission::Permission]) -> Route {
    Route {
        method: Method::Post,
        path,
        guard: Guard::permitted(permissions).recent(),
        limit: Limit::GENERAL.priority(Priority::High),
        body: Body::FORM,
        errors: &[
            Code::CsrfFailed,
            Code::NotFound,
            Code::AboveOwnRole,
            Code::OwnAccount,
            Code::LastAdministrator,
            Code::RoleJustChanged,
            Code::MatrixSuperseded,
            Code::OutcomeUnknown,
            Code::Unavailable,
        ],
    }
}

/// To change the state of an account, and to show it then.
const STATE: &[permission::Permission] = &[permission::CHANGE_STATE, permission::READ_ACCOUNT];

/// To end its sessions.
const SESSIONS: &[permission::Permission] = &[permission::END_SESSIONS, permission::READ_ACCOUNT];

/// A form with a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleForm {
    role: String,
}

pub(crate) const CHANGE_ROLE: Route = changing(
    "/console/admin/users/{id}/role",
    &[permission::CHANGE_ROLE, permission::READ_ACCOUNT],
);

/// Gives the account another role.
pub(crate) async fn change_role(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    form: Form<RoleForm>,
) -> Result<HttpResponse, Problem> {
    let patch = AccountPatch { role: Some(form.0.role), is_active: None, demands_password: false };
    carry_out(&person, &request, &site, &id, patching(changes, patch)).await
}

pub(crate) const ACTIVATE: Route = changing("/console/admin/users/{id}/activate", STATE);

/// Activates the account.
pub(crate) async fn activate(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let patch = AccountPatch { role: None, is_active: Some(true), demands_password: false };
    carry_out(&person, &request, &site, &id, patching(changes, patch)).await
}

pub(crate) const DEACTIVATE: Route = changing("/console/admin/users/{id}/deactivate", STATE);

/// Deactivates the account, which ends its sessions.
pub(crate) async fn deactivate(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    _form: Form<ConfirmedForm>,
) -> Result<HttpResponse, Problem> {
    let patch = AccountPatch { role: None, is_active: Some(false), demands_password: false };
    carry_out(&person, &request, &site, &id, patching(changes, patch)).await
}

pub(crate) const DEMAND_PASSWORD: Route =
    changing("/console/admin/users/{id}/demand-password", STATE);

/// Demands another password of the holder.
pub(crate) async fn demand_password(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let patch = AccountPatch { role: None, is_active: None, demands_password: true };
    carry_out(&person, &request, &site, &id, patching(changes, patch)).await
}

pub(crate) const UNLOCK: Route = changing("/console/admin/users/{id}/unlock", STATE);

/// Ends the lockout of the account.
pub(crate) async fn unlock(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    lockouts: web::Data<Lockouts>,
    id: web::Path<String>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let change = move |principal: &Principal, id| lockouts.unlock(principal, id);
    carry_out(&person, &request, &site, &id, change).await
}

pub(crate) const RESET_FACTORS: Route = changing("/console/admin/users/{id}/reset-factors", STATE);

/// Removes the second factors of the account.
pub(crate) async fn reset_factors(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    _form: Form<ConfirmedForm>,
) -> Result<HttpResponse, Problem> {
    let change = move |principal: &Principal, id| changes.reset_factors(principal, id);
    carry_out(&person, &request, &site, &id, change).await
}

pub(crate) const END_SESSIONS: Route = changing("/console/admin/users/{id}/end-sessions", SESSIONS);

/// Ends all sessions of the account.
pub(crate) async fn end_sessions(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let change = move |principal: &Principal, id| changes.end_sessions(principal, id);
    carry_out(&person, &request, &site, &id, change).await
}

pub(crate) const END_SESSION: Route = changing("/console/admin/users/{id}/end-session", SESSIONS);

/// Ends one session of the account.
pub(crate) async fn end_session(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let session = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let change = move |principal: &Principal, id| changes.end_session(principal, id, session);
    carry_out(&person, &request, &site, &id, change).await
}

pub(crate) const REVOKE_KEY: Route = changing("/console/admin/users/{id}/revoke-key", STATE);

/// Revokes an API key of the account.
pub(crate) async fn revoke_key(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    (changes, checks): (web::Data<AccountChanges>, web::Data<ApiKeyChecks>),
    id: web::Path<String>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let key = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let change = move |principal: &Principal, id| {
        let revoked = changes.revoke_api_key(principal, id, key);
        checks.forget(key);
        revoked
    };
    carry_out(&person, &request, &site, &id, change).await
}

pub(crate) const DELETE: Route = Route {
    path: "/console/admin/users/{id}/delete",
    guard: Guard::permitted(&[permission::DELETE_ACCOUNT, permission::READ_ACCOUNT]).recent(),
    ..END_SESSIONS
};

/// Deletes the account.
pub(crate) async fn delete(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    deletions: web::Data<AccountDeletions>,
    id: web::Path<String>,
    _form: Form<ConfirmedForm>,
) -> Result<HttpResponse, Problem> {
    let change = move |principal: &Principal, id| deletions.delete(principal, id);
    let shown = carry_out(&person, &request, &site, &id, change).await?;
    // A deleted account has no page any more.
    if shown.status().is_redirection() { Ok(see(Section::Accounts.path())) } else { Ok(shown) }
}

fn parsed(id: &str) -> Result<AccountId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
