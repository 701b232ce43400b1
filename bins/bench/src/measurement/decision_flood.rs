//! The effect of one account that sends the largest batches on many connections on the permission checks of
//! other accounts.
//!
//! Every check of the others must be answered, and soon. Memory must stay bounded and readiness correct. A
//! server that is stopped during the flood must end, with every answered decision recorded.

use std::time::Duration;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::accounts::sign_in;
use crate::bench::{Bench, Data};
use crate::client::{Answer, Client, Request, bearing, get, post, source};
use crate::comparison::MeasuredWork;
use crate::load::{Load, Repeat, Script};
use crate::measurement::flood::pace;
use crate::measurement::start::REST;
use crate::memory::{self, Bytes as Memory};
use crate::outcome::Result;
use crate::program;
use crate::quantity::{count, figure, ratio, size, time};
use crate::questions::{BATCH, CheckClient};
use crate::report::Row;
use crate::server::Server;
use crate::statistics::{per_second, percentile};

/// Accounts whose checks are measured.
const WATCHED: u32 = 10;

/// Checks in a batch, and the size of the attributes of each: together the maximum body size.
const ITEMS: u32 = 250;
const ATTRIBUTES: usize = 4_000;

/// The number of different batches, which all connections send in turn.
const BATCHES: u32 = 16;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let length = Duration::from_secs(bench.options.decision_flood_seconds.into());
    let server = bench.server_with(Data::Flood, &[]).await?;
    let before = recorded(bench).await?;
    let people = bench.accounts.register(server.address, WATCHED + 1).await?;
    let tokens = sign_in(server.address, &people).await?;
    let (attacker, watched) = tokens.split_first().ok_or("nobody is signed in")?;

    let mut checks = Vec::new();
    for (number, tokens) in (0..).zip(watched) {
        let asker = CheckClient::of(server.address, tokens).await?;
        let questions = (number..number + 100).map(|number| asker.check(number));
        checks.push(Repeat::new(questions.collect::<Result<_>>()?));
    }
    let mut flood = flood(bench, &server, &attacker.access_token)?;
    let check = |checks| pace::latencies(server.address, checks, bench.options.paced, length);
    sleep(REST).await;
    let at_rest = memory::resident(server.process())?;
    let quiet = check(checks.clone()).await?;
    let mut during = at_rest;
    let (flooded, round, unready) = tokio::select! {
        all = async { tokio::join!(check(checks), flood.round(length), unready(&server, length)) } => all,
        failed = memory::watch(server.process(), &mut during) => return Err(failed),
    };
    round?;
    let (flooded, unready) = (flooded?, unready?);
    let peak = memory::peak(server.process())?;
    let asked = Instant::now();
    server.stop().await?;
    let stopped = asked.elapsed();

    let mut tally = AnswerCounts::default();
    flood.into_scripts().for_each(|attack| tally.add(&attack.tally));
    let answered = tally.answered * u64::from(ITEMS) + u64::try_from(quiet.len() + flooded.len())?;
    let stored = recorded(bench).await?.saturating_sub(before);
    if stored < answered {
        return Err(format!("{answered} decisions answered, {stored} recorded").into());
    }
    Ok(rows(
        &Observations { quiet, flooded, tally, unready, at_rest, during, peak, stopped, answered },
        length,
    ))
}

/// The observations.
struct Observations {
    quiet: Vec<Duration>,
    flooded: Vec<Duration>,
    tally: AnswerCounts,
    /// The number of answers "not ready".
    unready: usize,
    at_rest: Memory,
    during: Memory,
    peak: Memory,
    stopped: Duration,
    answered: u64,
}

fn rows(seen: &Observations, length: Duration) -> Vec<Row> {
    let at = |latencies: &[Duration], per_cent| time(percentile(latencies, per_cent));
    let slow = [&seen.quiet, &seen.flooded].map(|latencies| percentile(latencies, 99));
    let [quiet, flooded] = slow.map(|latency| latency.as_secs_f64());
    let total = usize::try_from(seen.tally.answered + seen.tally.refused).unwrap_or(usize::MAX);
    let latency = Row::fact(
        "decision flood: check p99 of others",
        at(&seen.flooded, 99),
        format!(
            "p50 {}, slowest {}; {} checks, every one answered",
            at(&seen.flooded, 50),
            at(&seen.flooded, 100),
            seen.flooded.len()
        ),
        "≤ 250 ms",
    );
    let against = format!("quiet: {}, p50 {}", at(&seen.quiet, 99), at(&seen.quiet, 50));
    vec![
        Row { against, ratio: ratio(flooded / quiet), ..latency },
        Row::fact(
            "decision flood: batches",
            format!("{}/s", figure(per_second(total, length))),
            format!(
                "{} with 200, {} with 503; all {} answered decisions recorded",
                count(seen.tally.answered),
                count(seen.tally.refused),
                count(seen.answered)
            ),
            "",
        ),
        Row {
            against: format!("at rest: {}", size(seen.at_rest.0)),
            ..Row::fact(
                "decision flood: most memory",
                size(seen.peak.0),
                format!("{} seen during it; not ready {} times", size(seen.during.0), seen.unready),
                "≤ 400 MiB",
            )
        },
        Row::fact("decision flood: end after SIGTERM", time(seen.stopped), String::new(), "≤ 10 s"),
    ]
}

fn flood(bench: &Bench, server: &Server, token: &str) -> Result<Load<BatchFlood>> {
    let batches = (0..BATCHES).map(|number| {
        let body =
            json!({ "items": (0..ITEMS).map(|item| question(number, item)).collect::<Vec<_>>() });
        bearing(post(server.address, BATCH, &body)?, token)
    });
    let batches = batches.collect::<Result<Vec<_>>>()?;
    let attacks = (0..bench.options.decision_flood).map(|number| {
        let place = usize::try_from(number).unwrap_or(0);
        BatchFlood { batches: batches.clone(), next: place, tally: AnswerCounts::default() }
    });
    Ok(Load::new(server.address, attacks.collect::<Vec<_>>()))
}

fn question(batch: u32, item: u32) -> Value {
    let text = format!("{batch:04}{item:04}{}", "x".repeat(ATTRIBUTES - 16));
    json!({ "resource": "schedule", "action": "read", "context": { "attributes": { "a": text } } })
}

/// Sends batches without a pause, for any answer.
struct BatchFlood {
    batches: Vec<Request>,
    next: usize,
    tally: AnswerCounts,
}

#[derive(Clone, Copy, Debug, Default)]
struct AnswerCounts {
    answered: u64,
    refused: u64,
}

impl AnswerCounts {
    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.refused += other.refused;
    }
}

impl Script for BatchFlood {
    fn request(&mut self) -> Result<Request> {
        let place = self.next % self.batches.len().max(1);
        self.next = self.next.wrapping_add(1);
        // The body is shared, not copied.
        self.batches.get(place).cloned().ok_or_else(|| "no batches".into())
    }

    fn answer(&mut self, answer: Answer, _latency: Option<Duration>) -> Result<()> {
        if answer.status == StatusCode::OK {
            self.tally.answered += 1;
        } else {
            answer.expect(StatusCode::SERVICE_UNAVAILABLE)?;
            self.tally.refused += 1;
        }
        Ok(())
    }
}

/// Polls readiness twice a second and counts the answers "not ready".
async fn unready(server: &Server, length: Duration) -> Result<usize> {
    let begun = Instant::now();
    let mut client = Client::connect(server.address, source(0)).await?;
    let mut unready = 0;
    while begun.elapsed() < length {
        let ready: hyper::Request<Full<Bytes>> = get(server.address, "/health/ready", None)?;
        unready += usize::from(client.send(ready).await?.status != StatusCode::OK);
        sleep(Duration::from_millis(500)).await;
    }
    Ok(unready)
}

/// The number of decisions in the audit log, all of which have been verified.
async fn recorded(bench: &Bench) -> Result<u64> {
    let mut command = bench.command(Data::Flood);
    command.args(["audit", "verify"]);
    program::run(command, String::new()).await?.number("decisions")
}
