//! `/console/factors`: the second factors of the account.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_flows::sign_in::backup_code::{BackupCodes, Factors};
use portcullis_flows::sign_in::passkey::PasskeyRecord;
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Route, blocking};

use crate::moment::Moment;
use crate::page::{Frame, Person, notice, page};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "factors.html")]
struct FactorsPage<'a> {
    frame: Frame<'a>,
    notice: &'a str,
    has_app: bool,
    app_times: String,
    passkeys: Vec<Item>,
    backup_codes_left: u32,
    has_factor: bool,
    offers_passkeys: bool,
}

/// A passkey in the list.
struct Item {
    path: String,
    name: String,
    times: String,
    is_backed_up: bool,
}

impl From<PasskeyRecord> for Item {
    fn from(passkey: PasskeyRecord) -> Self {
        Self {
            path: format!("{}/{}", paths::PASSKEYS, passkey.id),
            times: times(
                ENGLISH.added,
                Moment(passkey.created_at),
                passkey.last_used_at.map(Moment),
            ),
            name: passkey.name,
            is_backed_up: passkey.is_backed_up,
        }
    }
}

fn times(begun: &str, begun_at: Moment, used_at: Option<Moment>) -> String {
    let used = used_at.map_or_else(
        || ENGLISH.not_used_yet.to_owned(),
        |used_at| format!("{} {used_at}", ENGLISH.last_used),
    );
    format!("{begun} {begun_at} · {used}")
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: paths::FACTORS,
    guard: Guard::FACTOR_ENROLMENT,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Shows the factors.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    backup_codes: web::Data<BackupCodes>,
) -> Result<HttpResponse, Problem> {
    let (account, _) = person.session()?;
    let Factors { totp, passkeys, backup_codes_left } =
        blocking(move || backup_codes.factors(account)).await?;
    let notice = notice(&request);
    page(&FactorsPage {
        frame: Frame::of(&person, &site, ENGLISH.factors_title, paths::FACTORS),
        notice: notice.as_deref().map_or("", notice_text),
        has_factor: totp.is_some() || !passkeys.is_empty(),
        has_app: totp.is_some(),
        offers_passkeys: site.offers.passkeys,
        app_times: totp.map_or_else(String::new, |app| {
            times(ENGLISH.since, Moment(app.confirmed_at), app.last_used_at.map(Moment))
        }),
        passkeys: passkeys.into_iter().map(Item::from).collect(),
        backup_codes_left,
    })
}

fn notice_text(word: &str) -> &'static str {
    match word {
        "required" => ENGLISH.factor_required,
        "app" => ENGLISH.app_done,
        "passkey" => ENGLISH.passkey_done,
        "removed" => ENGLISH.factor_removed,
        _ => "",
    }
}

/// The path of the page with a notice.
pub(super) fn path_with(notice: &str) -> String {
    format!("{}?notice={notice}", paths::FACTORS)
}
