//! `/console/admin/sign-ins`: failed sign-ins over time, and the accounts and addresses with the most.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::audit::sign_in_statistics::{
    PeriodError, RefusedAccount, RefusedAddress, SignInReport, SignInStatistics,
};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Code, ConcurrencyPermit, FieldProblem, Guard, Limit, Method, Priority, Problem, Query,
    Route, Time, blocking,
};

use super::chart::{Chart, SIZE, Week};
use super::trail::with_zone;
use crate::form::{Faults, Field};
use crate::page::{Frame, Person, page, refused};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "sign_ins.html")]
struct SignInsPage<'a> {
    frame: Frame<'a>,
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
    bans: Option<&'static str>,
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
    statistics: web::Data<SignInStatistics>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request, &["period", "from", "until"])?.without_empty();
    for key in ["from", "until"] {
        query.change(key, with_zone);
    }
    let time = |key: &str| query.value(key).and_then(Time::parse).map(|time| time.0);
    let chosen = (time("from"), time("until"));
    let preset = query.value("period").unwrap_or("day");
    let preset = PRESETS.iter().find(|(word, ..)| *word == preset && chosen == (None, None));
    let now = ambient.now();
    let (from, until) = match preset {
        Some((.., length)) => (Some(now - *length), Some(now)),
        None => chosen,
    };
    let period = statistics.period(from, until, None);
    let problem = period.err().map(fault);
    let period = match period {
        Ok(period) => period,
        Err(_) => statistics.period(None, Some(now), None).map_err(fault)?,
    };
    let principal = person.principal.clone();
    let read = move || {
        let report = statistics.read(&principal, period);
        drop(place);
        report
    };
    let report = blocking(read).await?;
    let t = &ENGLISH;
    let local = |at: Timestamp| at.to_string().get(..16).map(str::to_owned).unwrap_or_default();
    let (from, until) = (local(report.period.from()), local(report.period.until()));
    let SignInReport {
        period,
        total,
        without_account,
        buckets,
        by_hour_of_week,
        accounts,
        addresses,
    } = report;
    let may_ban = person.may(&request, permission::CHANGE_BANS)?;
    let mut shown = SignInsPage {
        frame: Frame::of(&person, &site, t.sign_ins_title, SHOW.path),
        faults: Faults::default(),
        presets: PRESETS.map(|(word, label, _)| (word, label)),
        preset: preset.map_or("", |(word, ..)| *word),
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
        bans: may_ban.then_some(Section::Bans.path()),
        range: format!("from={}&until={}", period.from(), period.until()),
    };
    let Some(problem) = problem else { return page(&shown) };
    shown.faults = Faults::of(&problem);
    for field in &mut shown.fields {
        field.mark(&shown.faults);
    }
    refused(&problem, &shown)
}

fn fault(error: PeriodError) -> Problem {
    let message = match error {
        PeriodError::Empty => ENGLISH.period_empty,
        PeriodError::TooLong(_) => ENGLISH.period_too_long,
    };
    let field = FieldProblem::new("until".to_owned(), "out_of_range", message);
    Problem::invalid(vec![field])
}
