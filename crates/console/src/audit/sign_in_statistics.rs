//! `/console/admin/sign-ins`: failed sign-ins over time, and the accounts and addresses with the most, which the
//! page unlocks and bans.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{AccountId, Ambient, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::audit::sign_in_statistics::{
    Period, PeriodError, RefusedAccount, RefusedAddress, SignInReport, SignInStatistics,
};
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::node::ban::BanAdministration;
use portcullis_flows::sign_in::unlock::Lockouts;
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Code, ConcurrencyPermit, FieldProblem, Form, Guard, Limit, Method, Priority, Problem,
    Query, Route, Time, blocking,
};
use serde::Deserialize;

use super::chart::{Chart, SIZE, Week};
use super::trail::with_zone;
use crate::form::{Faults, Field, IdForm};
use crate::node::ban::BanForm;
use crate::page::{Frame, NOTICE, Person, notice, page, refused, see, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::{ENGLISH, SIGN_INS, SignInsStrings};

#[derive(Template)]
#[template(path = "sign_ins.html")]
struct SignInsPage<'a> {
    frame: Frame<'a>,
    texts: &'static SignInsStrings,
    notice: &'static str,
    faults: Faults,
    presets: [(&'static str, &'static str); 4],
    preset: &'a str,
    fields: Vec<Field<'a>>,
    successes: u64,
    refusals: u64,
    without_account: u64,
    size: (u64, u64),
    chart: Chart,
    week: Week,
    accounts: Vec<RefusedAccount>,
    addresses: Vec<RefusedAddress>,
    users: &'static str,
    audit: &'static str,
    may_unlock: bool,
    may_ban: bool,
    /// The lengths of a ban that are offered, in hours.
    ban_lengths: [(&'static str, &'static str); 3],
    /// The chosen period, which stays after a change.
    query: String,
    /// The period, for links to the audit log.
    range: String,
}

/// The periods before now that are offered, with their lengths.
const PRESETS: [(&str, &str, Duration); 4] = [
    ("hour", ENGLISH.last_hour, Duration::from_secs(60 * 60)),
    ("day", ENGLISH.last_day, Duration::from_secs(24 * 60 * 60)),
    ("week", ENGLISH.last_week, Duration::from_secs(7 * 24 * 60 * 60)),
    ("month", ENGLISH.last_month, Duration::from_secs(30 * 24 * 60 * 60)),
];

/// The lengths of a ban, in hours; the second one is chosen at first.
const BAN_LENGTHS: [(&str, &str); 3] =
    [("1", SIGN_INS.one_hour), ("24", SIGN_INS.one_day), ("168", SIGN_INS.one_week)];

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: Section::SignIns.path(),
    guard: Guard::permitted(Section::SignIns.permissions()),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Shows the statistics of a period, by default of the last day.
pub(crate) async fn show(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    respond(&person, place, &request, &site, None).await
}

/// The period of a query.
struct Chosen {
    preset: &'static str,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Chosen {
    fn of(query: &Query, now: Timestamp) -> Self {
        let time = |key: &str| query.value(key).and_then(Time::parse).map(|time| time.0);
        let (from, until) = (time("from"), time("until"));
        let preset = query.value("period").unwrap_or("day");
        let preset = PRESETS.iter().find(|(word, ..)| *word == preset);
        match preset.filter(|_| from.is_none() && until.is_none()) {
            Some((preset, _, length)) => {
                Self { preset, from: Some(now - *length), until: Some(now) }
            }
            None => Self { preset: "", from, until },
        }
    }
}

/// The query of the page, without the notice.
fn query(request: &HttpRequest) -> Result<Query, Problem> {
    let mut query = Query::read(request, &["period", "from", "until", NOTICE])?.without_empty();
    for key in ["from", "until"] {
        query.change(key, with_zone);
    }
    Ok(query.without(&[NOTICE]))
}

/// The page of the chosen period, with the problem of a change.
async fn respond(
    person: &Person,
    place: ConcurrencyPermit,
    request: &HttpRequest,
    site: &Site,
    refusal: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let query = query(request)?;
    let now = shared::<Ambient>(request)?.now();
    let chosen = Chosen::of(&query, now);
    let statistics = shared::<SignInStatistics>(request)?;
    let period = statistics.period(chosen.from, chosen.until, None);
    let problem = refusal.or(period.as_ref().err().copied().map(fault));
    let period = match period {
        Ok(period) => period,
        Err(_) => statistics.period(None, Some(now), None).map_err(fault)?,
    };
    let report = read(person, place, statistics, period).await?;
    let local = |at: Timestamp| at.to_string().get(..16).map(str::to_owned).unwrap_or_default();
    let (from, until) = (local(report.period.from()), local(report.period.until()));
    let t = &ENGLISH;
    let SignInReport {
        period,
        total,
        without_account,
        buckets,
        by_hour_of_week,
        accounts,
        addresses,
    } = report;
    let mut shown = SignInsPage {
        frame: Frame::of(person, site, t.sign_ins_title, SHOW.path),
        texts: &SIGN_INS,
        notice: Change::told(request),
        faults: Faults::default(),
        presets: PRESETS.map(|(word, label, _)| (word, label)),
        preset: chosen.preset,
        fields: vec![
            Field::moment("from", t.from).value(&from).optional(),
            Field::moment("until", t.before).value(&until).optional(),
        ],
        successes: total.successes,
        refusals: total.refused(),
        without_account,
        size: SIZE,
        chart: Chart::of(&buckets, &total, (period.from(), period.until()), t.other_outcomes),
        week: Week::of(&by_hour_of_week, t.days()),
        accounts: accounts.entries,
        addresses: addresses.entries,
        users: Section::Accounts.path(),
        audit: Section::Audit.path(),
        may_unlock: person.may(request, permission::CHANGE_STATE)?,
        may_ban: person.may(request, permission::CHANGE_BANS)?,
        ban_lengths: BAN_LENGTHS,
        query: query.as_text(),
        range: format!("from={}&until={}", period.from(), period.until()),
    };
    let Some(problem) = problem else { return page(&shown) };
    shown.notice = "";
    shown.faults = Faults::marked(&problem, &mut shown.fields);
    refused(&problem, &shown)
}

async fn read(
    person: &Person,
    place: ConcurrencyPermit,
    statistics: web::Data<SignInStatistics>,
    period: Period,
) -> Result<SignInReport, Problem> {
    let principal = person.principal.clone();
    let read = move || {
        let report = statistics.read(&principal, period);
        drop(place);
        report
    };
    blocking(read).await
}

fn fault(error: PeriodError) -> Problem {
    let message = match error {
        PeriodError::Empty => ENGLISH.period_empty,
        PeriodError::TooLong(_) => ENGLISH.period_too_long,
    };
    let field = FieldProblem::new("until".to_owned(), "out_of_range", message);
    Problem::invalid(vec![field])
}

/// A change that the page makes.
#[derive(Clone, Copy)]
enum Change {
    Unlock,
    Ban,
}

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::Unlock => "unlocked",
            Self::Ban => "banned",
        }
    }

    /// The notice of the query.
    fn told(request: &HttpRequest) -> &'static str {
        match notice(request).as_deref() {
            Some(word) if word == Self::Unlock.word() => SIGN_INS.unlocked,
            Some(word) if word == Self::Ban.word() => SIGN_INS.banned,
            _ => "",
        }
    }

    /// The page with the same period, after the change or with its problem.
    async fn respond(
        self,
        outcome: Result<(), Problem>,
        person: &Person,
        place: ConcurrencyPermit,
        request: &HttpRequest,
        site: &Site,
    ) -> Result<HttpResponse, Problem> {
        if let Err(problem) = outcome {
            return respond(person, place, request, site, Some(problem)).await;
        }
        Ok(see(&format!("{}?{}", SHOW.path, query(request)?.with(NOTICE, self.word()))))
    }
}

pub(crate) const UNLOCK: Route = Route {
    method: Method::Post,
    path: "/console/admin/sign-ins/unlock",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG, permission::CHANGE_STATE]).recent(),
    // The page with the problem of a change reads the statistics again.
    limit: Limit::concurrent(&SEARCHES).priority(Priority::High),
    body: Body::FORM,
    errors: &[
        Code::InvalidRequest,
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OwnAccount,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Ends the lockout of an account.
pub(crate) async fn unlock(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    lockouts: web::Data<Lockouts>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let account: AccountId = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let principal = person.principal.clone();
    let outcome = blocking(move || lockouts.unlock(&principal, account)).await;
    shared::<Accounts>(&request)?.forget(account);
    Change::Unlock.respond(outcome, &person, place, &request, &site).await
}

/// The form of a ban.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressForm {
    address: String,
    hours: String,
}

pub(crate) const BAN: Route = Route {
    path: "/console/admin/sign-ins/ban",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG, permission::CHANGE_BANS]).recent(),
    errors: &[
        Code::InvalidRequest,
        Code::CsrfFailed,
        Code::UnbannableAddress,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..UNLOCK
};

/// Bans an address.
pub(crate) async fn ban(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    administration: web::Data<BanAdministration>,
    form: Form<AddressForm>,
) -> Result<HttpResponse, Problem> {
    let AddressForm { address, hours } = form.0;
    let wanted = BanForm { address, hours, reason: SIGN_INS.ban_reason.to_owned() };
    let outcome = wanted.impose(&person, administration).await;
    Change::Ban.respond(outcome, &person, place, &request, &site).await
}
