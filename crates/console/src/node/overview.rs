//! `/console/admin`: the state of the server at a glance. Each part leads to its section, and is shown to
//! those who may open it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::permission::Permission;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::audit::sign_in_statistics::{SignInReport, SignInStatistics};
use portcullis_flows::node::job::{JobRecord, JobReport, Jobs};
use portcullis_flows::node::outbox::OutboxState;
use portcullis_flows::node::overview::{Overview, PresentCounts};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem, Route, blocking, permit,
};

use crate::audit::chart::{Chart, Part, SIZE, bars};
use crate::moment::{Moment, short};
use crate::page::{Frame, Person, page, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::{OVERVIEW, OverviewStrings};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    t: &'static OverviewStrings,
    size: (u64, u64),
    audit: &'static str,
    sign_ins: Option<SignIns>,
    trail: Option<Trail>,
    figures: Vec<Figure>,
    /// Each with its name, and true if it is failing.
    jobs: Vec<(&'static str, bool)>,
    failing: String,
    jobs_path: &'static str,
}

/// A number that leads to its section.
struct Figure {
    label: &'static str,
    path: &'static str,
    value: String,
    note: String,
    is_bad: bool,
}

/// The sign-ins of the last day.
struct SignIns {
    path: &'static str,
    successes: u64,
    refusals: u64,
    most_successes: u64,
    succeeded: Vec<Part>,
    chart: Chart,
}

/// The chain of the audit log.
struct Trail {
    path: &'static str,
    checkpoint: Option<(u64, Moment)>,
    alarms: u64,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A mail that has waited for so long is shown as a fault.
const LATE: Duration = Duration::from_secs(5 * 60);

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: Section::Overview.path(),
    guard: Guard::CALLER,
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::Forbidden, Code::OutcomeUnknown, Code::Unavailable],
};

/// What the overview reads, for the sections that are open to the person.
struct Read {
    sign_ins: Option<SignInReport>,
    counts: Option<PresentCounts>,
    outbox: Option<OutboxState>,
    trail: Option<Trail>,
    jobs: Vec<JobReport>,
}

/// Shows the parts of the overview whose sections are open to the person.
pub(crate) async fn show(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    decisions: web::Data<Decisions>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    permit(&decisions, &person.principal, &permissions(&person)).await?;
    let now = ambient.now();
    let read = reader(&person, &request, now)?;
    let read = blocking(move || {
        let read = read();
        drop(place);
        read
    });
    let Read { sign_ins, counts, outbox, trail, jobs } = read.await?;
    let jobs: Vec<_> = jobs.iter().map(|job| (job.state.name, is_failing(job))).collect();
    let failing = jobs.iter().filter(|(_, is_failing)| *is_failing).map(|(name, _)| *name);
    let failing = failing.collect::<Vec<_>>().join(", ");
    page(&OverviewPage {
        frame: Frame::of(&person, &site, OVERVIEW.title, SHOW.path),
        t: &OVERVIEW,
        size: SIZE,
        audit: Section::Audit.path(),
        sign_ins: sign_ins.as_ref().map(SignIns::of),
        trail,
        figures: counts.map(present).into_iter().flatten().chain(outbox.map(mails)).collect(),
        jobs,
        failing,
        jobs_path: Section::Jobs.path(),
    })
}

/// The sections whose numbers the overview shows.
const PARTS: [Section; 4] = [Section::Accounts, Section::Audit, Section::Outbox, Section::Jobs];

/// The permissions of the parts that the person sees. A person without any part is asked for the audit log,
/// so that the refusal is recorded.
fn permissions(person: &Person) -> Vec<Permission> {
    if !person.sections.contains(&Section::Overview) {
        return Section::Audit.permissions().to_vec();
    }
    let parts = PARTS.into_iter().filter(|part| person.sections.contains(part));
    parts.flat_map(|part| part.permissions().to_vec()).collect()
}

/// The reader of those parts that the person may see.
fn reader(
    person: &Person,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<impl FnOnce() -> Result<Read, Problem> + use<>, Problem> {
    let opens = |section| person.sections.contains(&section);
    let (log, accounts) = (opens(Section::Audit), opens(Section::Accounts));
    let (outbox, server) = (opens(Section::Outbox), opens(Section::Jobs));
    let statistics = shared::<SignInStatistics>(request)?;
    let checkpoints = shared::<Checkpoints>(request)?;
    let overview = shared::<Overview>(request)?;
    let jobs = shared::<Jobs>(request)?;
    let principal = person.principal.clone();
    Ok(move || {
        let sign_ins = || {
            let period = statistics.period(Some(now - DAY), Some(now), None);
            let period = period.map_err(|_| Problem::new(Code::Internal))?;
            Ok::<_, Problem>(statistics.read(&principal, period)?)
        };
        let trail = || {
            let latest = checkpoints.find(None)?;
            let checkpoint = latest.map(|latest| (latest.number(), Moment(latest.at())));
            let path = Section::Audit.path();
            Ok::<_, Problem>(Trail { path, checkpoint, alarms: checkpoints.alarms() })
        };
        Ok(Read {
            sign_ins: log.then(sign_ins).transpose()?,
            counts: accounts.then(|| overview.count()).transpose()?,
            outbox: outbox.then(|| overview.outbox()).transpose()?,
            trail: log.then(trail).transpose()?,
            jobs: if server { jobs.reports()? } else { Vec::new() },
        })
    })
}

impl SignIns {
    fn of(report: &SignInReport) -> Self {
        let period = (report.period.from(), report.period.until());
        let successes: Vec<u64> = report.buckets.iter().map(|bucket| bucket.successes).collect();
        Self {
            path: Section::SignIns.path(),
            successes: report.total.successes,
            refusals: report.total.refused(),
            most_successes: successes.iter().copied().max().unwrap_or_default(),
            succeeded: bars(&successes),
            chart: Chart::of(&report.buckets, &report.total, period, OVERVIEW.others),
        }
    }
}

fn present(counts: PresentCounts) -> [Figure; 3] {
    let figure = |label, section: Section, count: u64, is_bad| Figure {
        label,
        path: section.path(),
        value: up_to(count),
        note: String::new(),
        is_bad,
    };
    let t = &OVERVIEW;
    [
        figure(t.lockouts, Section::Lockouts, counts.lockouts, counts.lockouts > 0),
        figure(t.sessions, Section::Sessions, counts.sessions, false),
        figure(t.accounts, Section::Accounts, counts.active_accounts, false),
    ]
}

/// A count that ends at [`Overview::MOST`].
fn up_to(count: u64) -> String {
    let is_all = count < u64::from(Overview::MOST);
    if is_all { count.to_string() } else { format!("{count}+") }
}

fn mails(state: OutboxState) -> Figure {
    let t = &OVERVIEW;
    let oldest = (state.waiting > 0).then(|| format!("{} {}", t.oldest, short(state.oldest)));
    let dead = (state.dead > 0).then(|| format!("{} {}", state.dead, t.dead));
    Figure {
        label: t.waiting_mails,
        path: Section::Outbox.path(),
        value: state.waiting.to_string(),
        note: oldest.into_iter().chain(dead).collect::<Vec<_>>().join(" · "),
        is_bad: state.dead > 0 || state.oldest > LATE,
    }
}

fn is_failing(job: &JobReport) -> bool {
    job.everywhere.as_ref().map_or(job.state.failures_in_a_row > 0, JobRecord::is_failing)
}
