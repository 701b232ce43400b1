//! `/console/admin/risk`: the assessed sign-ins with their reasons, and their replay with other thresholds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_audit::{AuditKeys, Filter, RiskOutcome};
use portcullis_domain::{AccountId, Ambient, Timestamp};
use portcullis_flows::audit::trail::AuditLogError;
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::sign_in::risk::{CountedWeight, RiskPolicy, RiskWeights, Signal};
use portcullis_flows::sign_in::risk_replay::{ReplayedSignIn, RiskReplay, RiskReplayReport};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Code, ConcurrencyPermit, FieldProblem, Guard, Limit, Method, Priority, Problem, Query,
    Route, blocking,
};

use crate::form::{Faults, Field};
use crate::moment::Moment;
use crate::page::{Frame, Person, comes_from_elsewhere, page, refused};
use crate::section::Section;
use crate::site::Site;
use crate::strings::{ENGLISH, RISK, RiskStrings};

#[derive(Template)]
#[template(path = "risk.html")]
struct RiskPage<'a> {
    frame: Frame<'a>,
    s: &'static RiskStrings,
    faults: Faults,
    is_on: bool,
    policy: RiskPolicy,
    weights: Vec<(Signal, String)>,
    replay: &'static str,
    replay_fields: Vec<Field<'a>>,
    outcomes: Vec<&'static str>,
    outcome: &'a str,
    fields: Vec<Field<'a>>,
    sign_ins: Vec<Item>,
    users: &'static str,
    next: Option<String>,
}

/// A sign-in in the list.
struct Item {
    at: String,
    account: Option<Named>,
    address: String,
    score: u32,
    outcome: RiskOutcome,
    /// The points, the words and the explanations of its signals.
    signals: Vec<(u32, Signal, String)>,
    /// The score and the outcome under the policy in force, if they are others.
    now: Option<(u32, RiskOutcome)>,
    /// The path of its entry in the audit log.
    entry: String,
}

/// An account, by its name if it still exists.
#[derive(Clone)]
struct Named {
    id: AccountId,
    name: Option<String>,
}

/// The names of accounts, each read once.
struct Names<'a> {
    accounts: &'a Accounts,
    known: BTreeMap<AccountId, Named>,
}

impl<'a> Names<'a> {
    const fn of(accounts: &'a Accounts) -> Self {
        Self { accounts, known: BTreeMap::new() }
    }

    fn find(&mut self, id: AccountId) -> Result<Named, AuditLogError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let account = match self.accounts.recent(id) {
            Some(account) => Some(account),
            None => self.accounts.read(id)?,
        };
        let named = Named { id, name: account.map(|it| it.username.as_str().to_owned()) };
        self.known.insert(id, named.clone());
        Ok(named)
    }
}

impl Item {
    fn of(sign_in: ReplayedSignIn, names: &mut Names<'_>) -> Result<Self, AuditLogError> {
        let ReplayedSignIn { at, account, address, recorded, replayed, .. } = sign_in;
        let now = (replayed.score, replayed.outcome);
        let signals = replayed.signals.iter();
        let signals =
            signals.map(|it| (it.points, it.signal, it.signal.explain(&recorded.facts))).collect();
        Ok(Self {
            at: Moment(at).to_seconds(),
            account: account.map(|id| names.find(id)).transpose()?,
            address,
            score: recorded.score,
            outcome: recorded.outcome,
            signals,
            now: Some(now).filter(|now| *now != (recorded.score, recorded.outcome)),
            entry: entry(at, account),
        })
    }
}

/// The path of the entry of a sign-in in the audit log.
fn entry(at: Timestamp, account: Option<AccountId>) -> String {
    let subject = account.map(|id| format!("&subject={id}")).unwrap_or_default();
    let until = at + Duration::from_millis(1);
    format!("{}?kind=sign_in_assessed&from={at}&until={until}{subject}", Section::Audit.path())
}

/// The points of each signal, in words.
fn weights(weights: &RiskWeights) -> Vec<(Signal, String)> {
    let s = &RISK;
    let points = |points: u32| match points {
        0 => s.switched_off.to_owned(),
        points => points.to_string(),
    };
    let counted = |CountedWeight { free, each, max }: CountedWeight| match each.min(max) {
        0 => s.switched_off.to_owned(),
        _ => format!("{each} {} {free}, {} {max}", s.each, s.at_most),
    };
    let below = weights.unusual_below_permille;
    let hour = match weights.unusual_hour {
        0 => s.switched_off.to_owned(),
        points => format!("{points} {} {below} {}", s.less_than, s.permille),
    };
    vec![
        (Signal::NewDevice, points(weights.new_device)),
        (Signal::NewNetwork, points(weights.new_network)),
        (Signal::UnusualHour, hour),
        (Signal::AccountFailures, counted(weights.account_failures)),
        (Signal::NetworkFailures, counted(weights.network_failures)),
        (Signal::CredentialStuffing, counted(weights.network_names)),
        (Signal::ImpossibleTravel, points(weights.impossible_travel)),
        (Signal::ListedAddress, points(weights.listed_address)),
    ]
}

/// The sign-ins on a page.
const PAGE: usize = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Risk.path(),
    guard: Guard::permitted(Section::Risk.permissions()),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the assessed sign-ins with their reasons.
pub(crate) async fn list(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    audit_keys: web::Data<AuditKeys>,
    risk: web::Data<RiskReplay>,
    accounts: web::Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["outcome", "account", "cursor"])?.without_empty();
    let mut faults = Vec::new();
    let filter = filter(&query, &mut faults);
    let actor = person.principal.actor;
    let cursor = query.parsed(
        "cursor",
        || ENGLISH.cursor_fault.to_owned(),
        |text| audit_keys.open_cursor(text, actor, &filter).ok(),
        &mut faults,
    );
    let policy = risk.policy();
    let typed = Typed::configured(&policy);
    let account = query.value("account").unwrap_or_default();
    let mut shown = RiskPage {
        frame: Frame::of(&person, &site, RISK.title, LIST.path),
        s: &RISK,
        faults: Faults::default(),
        is_on: risk.is_on(),
        weights: weights(&policy.weights),
        policy,
        replay: REPLAY.path,
        replay_fields: typed.fields(),
        outcomes: RiskOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
        outcome: query.value("outcome").unwrap_or_default(),
        fields: vec![Field::text("account", RISK.account, "off").value(account).optional()],
        sign_ins: Vec::new(),
        users: Section::Accounts.path(),
        next: None,
    };
    if !faults.is_empty() {
        let problem = Problem::invalid(faults);
        shown.faults = Faults::marked(&problem, &mut shown.fields);
        return refused(&problem, &shown);
    }
    let principal = person.principal.clone();
    let find = move || {
        let found = risk.search(&principal, &filter, cursor, &policy, PAGE)?;
        let next = found.next.map(|next| audit_keys.seal_cursor(next, actor, &filter));
        drop(place);
        let mut names = Names::of(&accounts);
        let items = found.sign_ins.into_iter().map(|sign_in| Item::of(sign_in, &mut names));
        Ok::<_, AuditLogError>((items.collect::<Result<Vec<_>, _>>()?, next))
    };
    let (sign_ins, next) = blocking(find).await?;
    shown.sign_ins = sign_ins;
    shown.next = next.map(|next| format!("{}?{}", LIST.path, query.with("cursor", &next)));
    page(&shown)
}

fn filter(query: &Query, faults: &mut Vec<FieldProblem>) -> Filter {
    let outcome = || RISK.outcome_fault.to_owned();
    let account = || RISK.account_fault.to_owned();
    let outcome = query.parsed("outcome", outcome, |word| word.parse().ok(), faults);
    let account = query.parsed("account", account, |id| id.parse().ok(), faults);
    RiskReplay::filter(outcome, account)
}

#[derive(Template)]
#[template(path = "risk_replay.html")]
struct ReplayPage<'a> {
    frame: Frame<'a>,
    s: &'static RiskStrings,
    faults: Faults,
    fields: Vec<Field<'a>>,
    result: Option<Replayed>,
    outcomes: &'static [RiskOutcome],
    list: &'static str,
    users: &'static str,
}

/// The result of a replay.
struct Replayed {
    examined: u64,
    cut_at: Option<Moment>,
    /// For each recorded outcome, the number of sign-ins for each outcome of the replay.
    rows: Vec<(RiskOutcome, Vec<Cell>)>,
    changes: Vec<Change>,
    left_out: u64,
}

/// A number of sign-ins.
struct Cell {
    sign_ins: u64,
    is_change: bool,
}

fn rows(report: &RiskReplayReport) -> Vec<(RiskOutcome, Vec<Cell>)> {
    let rows = RiskOutcome::ALL.iter().zip(&report.counts);
    let row = |(was, counts): (&RiskOutcome, &[u64; 3])| {
        let cells = RiskOutcome::ALL.iter().zip(counts).map(|(would_be, sign_ins)| Cell {
            sign_ins: *sign_ins,
            is_change: was != would_be && *sign_ins > 0,
        });
        (*was, cells.collect())
    };
    rows.map(row).collect()
}

/// A sign-in with another outcome.
struct Change {
    at: String,
    account: Option<Named>,
    address: String,
    was: RiskOutcome,
    would_be: RiskOutcome,
    score: u32,
    entry: String,
}

impl Change {
    fn of(sign_in: &ReplayedSignIn, names: &mut Names<'_>) -> Result<Self, AuditLogError> {
        Ok(Self {
            at: Moment(sign_in.at).to_seconds(),
            account: sign_in.account.map(|id| names.find(id)).transpose()?,
            address: sign_in.address.clone(),
            was: sign_in.recorded.outcome,
            would_be: sign_in.replayed.outcome,
            score: sign_in.replayed.score,
            entry: entry(sign_in.at, sign_in.account),
        })
    }
}

/// The changes on a page.
const MAX_CHANGES: usize = 100;

pub(crate) const REPLAY: Route =
    Route { path: "/console/admin/risk/replay", errors: LIST.errors, ..LIST };

/// The form of a replay, as typed.
struct Typed {
    challenge_at: String,
    refuse_at: String,
    days: String,
}

impl Typed {
    fn configured(policy: &RiskPolicy) -> Self {
        Self {
            challenge_at: policy.challenge_at.to_string(),
            refuse_at: policy.refuse_at.to_string(),
            days: RiskReplay::DEFAULT_DAYS.to_string(),
        }
    }

    fn fields(&self) -> Vec<Field<'_>> {
        vec![
            Field::number("challenge_at", RISK.challenge_at).value(&self.challenge_at),
            Field::number("refuse_at", RISK.refuse_at).value(&self.refuse_at),
            Field::number("days", RISK.days).value(&self.days),
        ]
    }

    /// The policy and the days.
    fn read(&self, configured: RiskPolicy) -> Result<(RiskPolicy, u32), Problem> {
        let mut faults = Vec::new();
        let mut number = |name: &str, text: &str, range: RangeInclusive<u32>, advice| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            if number.is_none() {
                faults.push(FieldProblem::new(name.to_owned(), "out_of_range", advice));
            }
            number
        };
        let (points, advice) = (RiskPolicy::THRESHOLDS, RISK.threshold_fault);
        let challenge_at = number("challenge_at", &self.challenge_at, points.clone(), advice);
        let refuse_at = number("refuse_at", &self.refuse_at, points, advice);
        let days = number("days", &self.days, RiskReplay::DAYS_OF_REQUEST, RISK.days_fault);
        if challenge_at.zip(refuse_at).is_some_and(|(challenge, refuse)| refuse < challenge) {
            let name = "refuse_at".to_owned();
            faults.push(FieldProblem::new(name, "out_of_range", RISK.order_fault));
        }
        match days {
            Some(days) if faults.is_empty() => {
                Ok((configured.with_thresholds(challenge_at, refuse_at), days))
            }
            _ => Err(Problem::invalid(faults)),
        }
    }
}

/// Assesses the sign-ins of a period again, with other thresholds. A link of another site starts nothing.
pub(crate) async fn replay(
    person: Person,
    place: ConcurrencyPermit,
    request: HttpRequest,
    site: web::Data<Site>,
    risk: web::Data<RiskReplay>,
    accounts: web::Data<Accounts>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["challenge_at", "refuse_at", "days"])?;
    let mut typed = Typed::configured(&risk.policy());
    for (key, field) in [
        ("challenge_at", &mut typed.challenge_at),
        ("refuse_at", &mut typed.refuse_at),
        ("days", &mut typed.days),
    ] {
        if let Some(value) = query.value(key) {
            value.clone_into(field);
        }
    }
    let mut shown = ReplayPage {
        frame: Frame::of(&person, &site, RISK.replay_title, LIST.path),
        s: &RISK,
        faults: Faults::default(),
        fields: typed.fields(),
        result: None,
        outcomes: RiskOutcome::ALL,
        list: LIST.path,
        users: Section::Accounts.path(),
    };
    let (policy, days) = match typed.read(risk.policy()) {
        Ok(wanted) => wanted,
        Err(problem) => {
            shown.faults = Faults::marked(&problem, &mut shown.fields);
            return refused(&problem, &shown);
        }
    };
    if comes_from_elsewhere(&request) {
        return page(&shown);
    }
    let (principal, period) = (person.principal.clone(), (days, ambient.now()));
    let work = move || {
        let report = risk.replay_days(&principal, period, &policy)?;
        drop(place);
        let mut names = Names::of(&accounts);
        let changes = report.changes.iter().take(MAX_CHANGES);
        let changes: Vec<_> =
            changes.map(|it| Change::of(it, &mut names)).collect::<Result<_, _>>()?;
        let unlisted = report.changes.len().saturating_sub(changes.len());
        Ok::<_, AuditLogError>(Replayed {
            left_out: report.left_out + u64::try_from(unlisted).unwrap_or(u64::MAX),
            examined: report.examined,
            cut_at: report.cut_at.map(Moment),
            rows: rows(&report),
            changes,
        })
    };
    shown.result = Some(blocking(work).await?);
    page(&shown)
}
