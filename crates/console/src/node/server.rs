//! `/console/admin/jobs` and `/console/admin/settings`: the background jobs and the settings of this node.

use actix_web::{HttpResponse, web};
use askama::Template;
use portcullis_domain::Timestamp;
use portcullis_flows::node::job::{JobRecord, JobReport, Jobs};
use portcullis_flows::node::setting::{Setting, SettingValue, SettingsInForce};
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Route, blocking};

use crate::moment::{Moment, short};
use crate::page::{Frame, Person, page};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage<'a> {
    frame: Frame<'a>,
    jobs: Vec<Job>,
}

/// A job in the list.
struct Job {
    name: &'static str,
    every: String,
    ran_at: Option<Moment>,
    took: String,
    is_failing: bool,
    failures_in_a_row: u64,
    next_at: Option<Moment>,
}

impl From<JobReport> for Job {
    fn from(report: JobReport) -> Self {
        let JobReport { every, state, next_at, everywhere, .. } = report;
        let here =
            (state.runs > 0).then(|| Moment(Timestamp::from_seconds(state.last_run_seconds)));
        let elsewhere = everywhere.as_ref().map(|record| Moment(record.started_at));
        let is_failing =
            everywhere.as_ref().map_or(state.failures_in_a_row > 0, JobRecord::is_failing);
        Self {
            name: state.name,
            every: short(every),
            ran_at: elsewhere.or(here),
            took: short(everywhere.as_ref().map_or(state.duration, |record| record.duration)),
            is_failing,
            failures_in_a_row: state.failures_in_a_row,
            next_at: everywhere.map(|record| record.due_at).or(next_at).map(Moment),
        }
    }
}

pub(crate) const JOBS: Route = Route {
    method: Method::Get,
    path: Section::Jobs.path(),
    guard: Guard::permitted(Section::Jobs.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the jobs.
pub(crate) async fn jobs(
    person: Person,
    site: web::Data<Site>,
    jobs: web::Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let reports = blocking(move || jobs.reports()).await?;
    page(&JobsPage {
        frame: Frame::of(&person, &site, ENGLISH.jobs_title, JOBS.path),
        jobs: reports.into_iter().map(Job::from).collect(),
    })
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    frame: Frame<'a>,
    settings: Vec<Item>,
}

/// A setting in the list.
struct Item {
    key: String,
    value: String,
    source: &'static str,
    is_default: bool,
}

impl From<&Setting> for Item {
    fn from(setting: &Setting) -> Self {
        let t = &ENGLISH;
        let source = setting.source.as_str();
        Self {
            key: setting.key.clone(),
            value: match &setting.value {
                SettingValue::Shown(value) => value.clone().unwrap_or_default(),
                SettingValue::Secret { is_set: true } => t.secret_set.to_owned(),
                SettingValue::Secret { is_set: false } => t.secret_unset.to_owned(),
            },
            source,
            is_default: source == "default",
        }
    }
}

pub(crate) const SETTINGS: Route = Route {
    path: Section::Settings.path(),
    guard: Guard::permitted(Section::Settings.permissions()),
    errors: &[],
    ..JOBS
};

/// Lists the settings in force. Secrets have no value here.
pub(crate) async fn settings(
    person: Person,
    site: web::Data<Site>,
    settings: web::Data<SettingsInForce>,
) -> Result<HttpResponse, Problem> {
    page(&SettingsPage {
        frame: Frame::of(&person, &site, ENGLISH.settings_title, SETTINGS.path),
        settings: settings.0.iter().map(Item::from).collect(),
    })
}
