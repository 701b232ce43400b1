//! `POST /api/csp-reports`: counts the violations of the content policy of a page that browsers report.
//!
//! Anybody can send anything here. So nothing of a report is stored, an unknown word is counted as `other`, and
//! the log gets one line in a while, with no more than a known directive and an origin.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use portcullis_domain::Clock;
use portcullis_web::quotas::CSP_REPORTS;
use portcullis_web::{Body, Code, Guard, Limit, Method, Priority, Problem, Route, read_reports};
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

/// The violations that browsers have reported to this node.
pub struct CspViolations {
    counts: [AtomicU64; DIRECTIVES.len()],
    /// The earliest monotonic time of the next line in the log.
    next_line: Mutex<Duration>,
    clock: Arc<dyn Clock>,
}

impl CspViolations {
    /// Without a report so far.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { counts: Default::default(), next_line: Mutex::default(), clock }
    }

    /// The number of reported violations since the start, by directive.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        DIRECTIVES.into_iter().zip(counts)
    }

    fn note(&self, violation: &Violation) {
        let directive = violation.directive();
        let count = DIRECTIVES.iter().position(|known| *known == directive);
        if let Some(count) = count.and_then(|index| self.counts.get(index)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if self.may_log() {
            let blocked = Blocked::of(violation.blocked.as_deref().unwrap_or_default());
            tracing::warn!(
                directive,
                %blocked,
                "a browser reports a violation of the content policy of a page; nothing proves the report, and \
                 others are only counted for a while"
            );
        }
    }

    /// True once in [`LINE_EVERY`].
    fn may_log(&self) -> bool {
        let now = self.clock.monotonic();
        let mut next = self.next_line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now >= *next;
        if is_due {
            *next = now + LINE_EVERY;
        }
        is_due
    }
}

/// The time between two lines in the log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The violations of one request that are counted, at most.
const MAX_VIOLATIONS: usize = 100;

/// The known directives (CSP level 3 section 6, Trusted Types), and the word for all others.
const DIRECTIVES: [&str; 23] = [
    "base-uri",
    "child-src",
    "connect-src",
    "default-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "worker-src",
    OTHER,
];

const OTHER: &str = "other";

/// A report by `report-uri`. Its further members are not read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CspReport {
    /// The violation.
    #[serde(rename = "csp-report")]
    report: Violation,
}

/// A report by `report-to`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct BrowserReport {
    /// The kind of the report; others than `csp-violation` are ignored.
    #[serde(rename = "type")]
    #[schema(example = "csp-violation")]
    kind: String,
    /// The violation.
    body: Option<Violation>,
}

/// A violation. Its further members are not read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Violation {
    /// The violated directive; `effectiveDirective` by `report-to`.
    #[serde(rename = "effective-directive", alias = "effectiveDirective")]
    #[schema(example = "script-src-elem")]
    effective: Option<String>,
    /// The same in browsers of before, which append the value of the directive.
    #[serde(rename = "violated-directive")]
    #[schema(example = "script-src-elem")]
    violated: Option<String>,
    /// The address that the policy blocked, or a word such as `inline`; `blockedURL` by `report-to`.
    #[serde(rename = "blocked-uri", alias = "blockedURL")]
    #[schema(example = "inline")]
    blocked: Option<String>,
}

impl Violation {
    /// The violated directive, if it is a known one.
    fn directive(&self) -> &'static str {
        let named = self.effective.as_deref().or(self.violated.as_deref()).unwrap_or_default();
        let name = named.split(' ').next().unwrap_or_default();
        DIRECTIVES.into_iter().find(|known| *known == name).unwrap_or(OTHER)
    }
}

/// What a policy blocked, as the log may show it: a known word, or the origin of an address. Path, query and user
/// of an address may hold secrets, and any other text may hold everything.
#[derive(Debug, PartialEq, Eq)]
enum Blocked {
    Word(&'static str),
    Origin(String),
}

impl Blocked {
    fn of(text: &str) -> Self {
        let word = WORDS.into_iter().find(|known| *known == text);
        let origin = || {
            let origin = Url::parse(text).ok()?.origin();
            let origin = origin.is_tuple().then(|| origin.ascii_serialization())?;
            (origin.len() <= MAX_ORIGIN).then_some(Self::Origin(origin))
        };
        word.map(Self::Word).or_else(origin).unwrap_or(Self::Word(OTHER))
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word(word) => word,
            Self::Origin(origin) => origin,
        })
    }
}

/// The words of CSP level 3 section 5.2 and of Trusted Types in place of an address, and two schemes.
const WORDS: [&str; 8] = [
    "inline",
    "eval",
    "wasm-eval",
    "trusted-types-policy",
    "trusted-types-sink",
    "self",
    "data",
    "blob",
];

/// The longest origin in the log, in bytes: a name of a host has at most 253.
const MAX_ORIGIN: usize = 300;

/// Browsers send reports by themselves, without a CSRF token. The route needs none: it takes no credential into
/// account and changes nothing but a count. A page of another site is refused all the same.
pub(crate) const RECEIVE: Route = Route {
    method: Method::Post,
    path: "/api/csp-reports",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&CSP_REPORTS).priority(Priority::Low),
    body: Body::Reports(64 * 1024),
    errors: &[],
};

/// Counts the violations of the content policy of a page that a browser reports.
///
/// The pages name this route in their content policy. Nothing of a report is stored.
#[utoipa::path(post, path = RECEIVE.path, operation_id = "reportCspViolations", tag = "operations",
    request_body(content((CspReport = "application/csp-report"), (Vec<BrowserReport> = "application/reports+json"))),
    responses((status = 204, description = "The violations are counted")))]
pub(crate) async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    violations: web::Data<CspViolations>,
) -> Result<HttpResponse, Problem> {
    let body = read_reports(&request, payload).await?;
    let is_list = request.content_type().eq_ignore_ascii_case("application/reports+json");
    let found = if is_list { of_list(&body) } else { of_one(&body) };
    let found = found.map_err(|_| Problem::new(Code::MalformedBody))?;
    found.iter().take(MAX_VIOLATIONS).for_each(|violation| violations.note(violation));
    Ok(HttpResponse::NoContent().finish())
}

fn of_one(body: &[u8]) -> serde_json::Result<Vec<Violation>> {
    serde_json::from_slice(body).map(|CspReport { report }| vec![report])
}

fn of_list(body: &[u8]) -> serde_json::Result<Vec<Violation>> {
    let reports: Vec<BrowserReport> = serde_json::from_slice(body)?;
    let violations = reports.into_iter().filter(|report| report.kind == "csp-violation");
    Ok(violations.filter_map(|report| report.body).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_gets_a_word_or_an_origin_and_nothing_else() {
        for (text, shown) in [
            ("inline", "inline"),
            ("https://cdn.example/a/secret?token=x#y", "https://cdn.example"),
            ("https://ada:secret@cdn.example:8443/", "https://cdn.example:8443"),
            ("https://\u{430}pple.example/", "https://xn--pple-43d.example"),
            ("https://cdn.example\n2027 ERROR all is lost/", "other"),
            ("https://cdn.exa\nmple/", "https://cdn.example"),
            ("inline\n", "other"),
            ("\u{1b}[31m", "other"),
            ("data:text/html,secret", "other"),
            ("chrome-extension://secret", "other"),
            ("javascript:secret", "other"),
            ("", "other"),
        ] {
            assert_eq!(Blocked::of(text).to_string(), shown, "{text:?}");
        }
        let long = format!("https://{}example/", "a.".repeat(10_000));
        assert_eq!(Blocked::of(&long), Blocked::Word(OTHER));
    }

    #[test]
    fn both_forms_of_a_report_name_the_directive() {
        let one = |members: &str| {
            let body = format!(r#"{{"csp-report":{{"script-sample":[],{members}}}}}"#);
            of_one(body.as_bytes()).map(|found| found[0].directive()).ok()
        };
        assert_eq!(one(r#""effective-directive":"img-src""#), Some("img-src"));
        assert_eq!(one(r#""violated-directive":"img-src 'self'""#), Some("img-src"));
        assert_eq!(one(r#""effective-directive":"img-src\n""#), Some(OTHER));
        assert_eq!(one(r#""document-uri":"x""#), Some(OTHER));
        assert_eq!(one(r#""effective-directive":7"#), None);
        let list = br#"[{"type":"csp-violation","age":3,"body":{"effectiveDirective":"font-src"}},
            {"type":"deprecation","body":{"id":"x"}},{"type":"csp-violation"}]"#;
        let found = of_list(list).unwrap();
        assert_eq!(found.iter().map(Violation::directive).collect::<Vec<_>>(), ["font-src"]);
        let deep = format!("[{}", "[".repeat(60_000));
        assert!(of_list(deep.as_bytes()).is_err());
    }
}
