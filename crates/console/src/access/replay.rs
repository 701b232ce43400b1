//! `/console/admin/matrix/replay`: the recorded decisions of the last days under another version of the
//! matrix.
//!
//! The response is one page that the browser shows as it grows: its beginning, a line of progress for each
//! percent and each half second, and the result. So it needs no script and no memory of the server, and to leave the page
//! cancels the replay.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use actix_web::http::Method as Verb;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_access::replay::{ReplayReport, ReplayedChange};
use portcullis_domain::{Ambient, Clock, Timestamp};
use portcullis_flows::access::matrix::{Matrices, MatrixError, ReplayStep};
use portcullis_flows::access::permission;
use portcullis_flows::principal::Principal;
use portcullis_web::quotas::REPLAYS;
use portcullis_web::{
    Body, Chunks, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem, Query, Route,
    StreamError, blocking, stream_body,
};

use crate::form::Faults;
use crate::moment::Moment;
use crate::page::{Frame, HTML, Person, comes_from_elsewhere, page};
use crate::paths;
use crate::section::Section;
use crate::site::Site;
use crate::strings::{REPLAY, ReplayStrings};

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage<'a> {
    frame: Frame<'a>,
    t: &'static ReplayStrings,
    versions: &'static str,
    version: u32,
    periods: [(u32, &'static str); 4],
    days: u32,
    /// The place of the progress and the result; empty before the replay is started.
    place: &'static str,
    start: &'static str,
}

/// Divides the page into what is sent before the replay and after it. No text of a person contains it,
/// because the template escapes `<`.
const PLACE: &str = "<replay>";

/// A line of progress.
#[derive(Template)]
#[template(path = "replay_step.html")]
struct Step {
    t: &'static ReplayStrings,
    percent: u64,
    decisions: u64,
    cancel: &'static str,
}

/// The result.
#[derive(Template)]
#[template(path = "replay_result.html")]
struct ResultPart<'a> {
    t: &'static ReplayStrings,
    faults: Faults,
    from: Moment,
    until: Moment,
    report: &'a ReplayReport,
    shown: &'a [ReplayedChange],
    has_more: bool,
}

/// The rows of a result; the API has up to 10,000.
const MAX_SHOWN: usize = 200;

/// The periods that are offered, in days.
const PERIODS: [(u32, &str); 4] =
    [(1, REPLAY.last_day), (7, REPLAY.last_week), (30, REPLAY.last_month), (365, REPLAY.last_year)];

/// The time for a replay.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::MATRIX_REPLAY,
    guard: Guard::permitted(&[permission::READ_MATRIX, permission::READ_AUDIT_LOG]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Shows the form.
pub(crate) async fn show(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let (shown, _) = replay_page(&person, &request, &site, matrices, false).await?;
    page(&shown)
}

/// The page with the form, and the text of the version. With `starts` and a period, the page has a place for
/// the result.
async fn replay_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
    matrices: web::Data<Matrices>,
    starts: bool,
) -> Result<(ReplayPage<'a>, String), Problem> {
    let query = Query::read(request, &["version", "days"])?;
    let number = |key: &str| query.value(key).and_then(|text| text.parse::<u32>().ok());
    let version = number("version").ok_or_else(|| Problem::new(Code::NotFound))?;
    let days = number("days").filter(|days| PERIODS.iter().any(|(known, _)| known == days));
    let stored = blocking(move || matrices.version(version)).await?;
    let text = stored.ok_or_else(|| Problem::new(Code::NotFound))?.text;
    let shown = ReplayPage {
        frame: Frame::of(person, site, REPLAY.title, Section::Matrix.path()),
        t: &REPLAY,
        versions: paths::MATRIX_VERSIONS,
        version,
        periods: PERIODS,
        days: days.unwrap_or(7),
        place: if starts && days.is_some() { PLACE } else { "" },
        start: RUN.path,
    };
    Ok((shown, text))
}

pub(crate) const RUN: Route = Route {
    path: "/console/admin/matrix/replay/result",
    limit: Limit::concurrent(&REPLAYS).priority(Priority::Low),
    ..SHOW
};

/// Replays the decisions of the chosen period. A link of another site shows the form and starts nothing.
pub(crate) async fn run(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    matrices: web::Data<Matrices>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let starts = request.method() != Verb::HEAD && !comes_from_elsewhere(&request);
    let (shown, text) = replay_page(&person, &request, &site, matrices.clone(), starts).await?;
    if shown.place.is_empty() {
        return page(&shown);
    }
    let days = shown.days;
    let rendered = shown.render().map_err(|_| Problem::new(Code::Internal))?;
    let until = ambient.now();
    let period = (until - DAY * days, until);
    let mut response = HttpResponse::Ok();
    // A proxy that buffers the response would hide the progress.
    response.insert_header((CONTENT_TYPE, HTML)).insert_header(("x-accel-buffering", "no"));
    let principal = person.principal;
    stream_body(place, response, move |chunks| {
        let (before, after) = rendered.split_once(PLACE).unwrap_or((&rendered, ""));
        chunks.write_all(before.as_bytes())?;
        chunks.send_now()?;
        replay(&matrices, &text, period, &principal, &*ambient.clock, chunks)?;
        chunks.write_all(after.as_bytes())?;
        Ok(())
    })
    .await
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes the progress and the result.
fn replay(
    matrices: &Matrices,
    text: &str,
    (from, until): (Timestamp, Timestamp),
    principal: &Principal,
    clock: &dyn Clock,
    chunks: &mut Chunks,
) -> Result<(), StreamError<Problem>> {
    let end = clock.monotonic() + TIMEOUT;
    let mut progress = Progress { percent: 0, decisions: 0, gone: None, due: Duration::ZERO };
    progress.write(chunks)?;
    let mut step = |step: ReplayStep| {
        let done = percent(until.since(step.reached), until.since(from));
        let now = clock.monotonic();
        if progress.advance(step.decisions, done, now) {
            progress.gone = progress.write(chunks).err();
        }
        let goes_on = progress.gone.is_none() && now < end;
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let outcome = matrices.replay(text, (from, until), principal, &mut step);
    if let Some(gone) = progress.gone {
        return Err(gone.into());
    }
    let (report, faults) = match outcome {
        Ok(report) => (report, Faults::default()),
        Err(error) => (ReplayReport::default(), faults(error)),
    };
    let shown = report.changes.get(..MAX_SHOWN).unwrap_or(&report.changes);
    let (from, until) = (Moment(from), Moment(until));
    let has_more = report.left_out > 0 || report.changes.len() > MAX_SHOWN;
    let part = ResultPart { t: &REPLAY, faults, from, until, report: &report, shown, has_more };
    write(&part, chunks)?;
    Ok(())
}

fn faults(error: MatrixError) -> Faults {
    let was_cancelled = matches!(error, MatrixError::Cancelled);
    let mut faults = Faults::of(&error.into());
    if was_cancelled {
        (faults.title, faults.advice) = (REPLAY.too_long.to_owned(), REPLAY.shorter.to_owned());
    }
    faults
}

/// What the page shows of a replay under way.
struct Progress {
    percent: u64,
    decisions: u64,
    /// The person has left the page.
    gone: Option<io::Error>,
    /// The monotonic time of the next line without a further percent.
    due: Duration,
}

/// The time between two lines. A write shows whether the person is still there.
const LINE_EVERY: Duration = Duration::from_millis(500);

impl Progress {
    /// Counts a step; true if a line is due.
    fn advance(&mut self, decisions: u64, percent: u64, now: Duration) -> bool {
        self.decisions += decisions;
        let is_due = percent > self.percent || now >= self.due;
        if is_due {
            self.percent = self.percent.max(percent);
            self.due = now + LINE_EVERY;
        }
        is_due
    }

    fn write(&self, chunks: &mut Chunks) -> io::Result<()> {
        let Self { percent, decisions, .. } = *self;
        write(&Step { t: &REPLAY, percent, decisions, cancel: paths::MATRIX_VERSIONS }, chunks)?;
        chunks.send_now()
    }
}

fn write(part: &impl Template, chunks: &mut Chunks) -> io::Result<()> {
    chunks.write_all(part.render().map_err(io::Error::other)?.as_bytes())
}

/// How much of the period is done. Its last percent is left for the result.
fn percent(done: Duration, all: Duration) -> u64 {
    let percent = (done.as_millis() * 100).checked_div(all.as_millis()).unwrap_or_default();
    u64::try_from(percent.min(99)).unwrap_or(99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_for_each_percent_and_each_half_second() {
        let mut progress = Progress { percent: 0, decisions: 0, gone: None, due: LINE_EVERY };
        let milliseconds = Duration::from_millis;
        assert!(!progress.advance(1_000, 0, milliseconds(499)));
        assert!(progress.advance(1_000, 0, milliseconds(500)), "all decisions in one percent");
        assert!(!progress.advance(1_000, 0, milliseconds(600)));
        assert!(progress.advance(1_000, 1, milliseconds(601)));
        assert!(!progress.advance(1_000, 0, milliseconds(700)));
        assert_eq!((progress.percent, progress.decisions), (1, 5_000), "it never goes back");
    }

    #[test]
    fn the_percentage_stays_between_nothing_and_everything() {
        for ((done, all), expected) in
            [((0, 100), 0), ((50, 100), 50), ((200, 100), 99), ((1, 0), 0)]
        {
            let time = Duration::from_secs;
            assert_eq!(percent(time(done), time(all)), expected);
        }
    }
}
