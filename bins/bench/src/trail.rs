//! A database with many decisions, for all measurements that read the audit log.
//!
//! An account of each role sends batches over HTTP, so that the server itself writes the entries.

use std::net::SocketAddr;

use hyper::StatusCode;
use tokio::task::JoinSet;

use crate::accounts::{TestUser, Tokens, sign_in};
use crate::bench::{Bench, Data};
use crate::client::{Client, Request, source};
use crate::outcome::Result;
use crate::questions::{BATCH_SIZE, CheckClient, DIFFERENT};
use crate::recording::all_recorded;
use crate::{program, report};

/// Decisions in the database of [`Data::DecisionLog`].
pub(crate) struct DecisionLog {
    /// A tenth of the decisions, to measure the growth of memory.
    pub tenth: Period,
    pub whole: Period,
    /// An account that may export the audit log.
    pub admin: Tokens,
}

/// The decisions of a time range.
pub(crate) struct Period {
    pub from: String,
    pub until: String,
    pub decisions: u64,
}

/// The roles of the default matrix, the most senior one first.
const ROLES: [&str; 8] =
    ["admin", "coordinator", "faculty", "resident", "clinical_staff", "rn", "lpn", "msa"];

impl DecisionLog {
    pub(crate) async fn fill(bench: &Bench) -> Result<Self> {
        let mut people = Vec::new();
        for role in ROLES {
            people.push(employ(bench, role).await?);
        }
        let server = bench.server_with(Data::DecisionLog, &[]).await?;
        let tokens = sign_in(server.address, &people).await?;
        let mut requests = Vec::new();
        for tokens in &tokens {
            requests.push(batches(&CheckClient::of(server.address, tokens).await?)?);
        }

        let batches = bench.options.decisions.div_ceil(BATCH_SIZE);
        let count = |batches: u32| u64::from(batches) * u64::from(BATCH_SIZE);
        report::progress(&format!("filling an audit log with {} decisions", count(batches)));
        let from = now();
        let tenth = batches / 10;
        ask(server.address, &requests, tenth).await?;
        all_recorded(server.operations, count(tenth)).await?;
        let after_tenth = now();
        ask(server.address, &requests, batches - tenth).await?;
        all_recorded(server.operations, count(batches)).await?;
        let until = now();
        server.stop().await?;
        Ok(Self {
            tenth: Period { from: from.clone(), until: after_tenth, decisions: count(tenth) },
            whole: Period { from, until, decisions: count(batches) },
            admin: tokens.into_iter().next().ok_or("no administrator")?,
        })
    }
}

/// An account with a role, created by the command line, which can choose the role.
async fn employ(bench: &Bench, role: &str) -> Result<TestUser> {
    let person = bench.accounts.person();
    let mut command = bench.command(Data::DecisionLog);
    command.args(["user", "create", "--password-stdin", "--role", role]);
    command.args(["--username", &person.username, "--email", &person.email()]);
    program::run(command, format!("{}\n", person.password)).await?;
    Ok(person)
}

/// Batches that together contain every check.
fn batches(asker: &CheckClient) -> Result<Vec<Request>> {
    let step = usize::try_from(DIFFERENT / 4)?;
    (0..DIFFERENT).step_by(step).map(|first| asker.batch(first)).collect()
}

/// Sends the given number of requests, with one client for each set of requests.
async fn ask(server: SocketAddr, sets: &[Vec<Request>], count: u32) -> Result<()> {
    let clients = u32::try_from(sets.len())?;
    let mut running = JoinSet::new();
    for (number, set) in (0..).zip(sets) {
        let set = set.clone();
        let share = (count + clients - 1 - number) / clients;
        running.spawn(async move {
            let mut client = Client::connect(server, source(number)).await?;
            for request in set.into_iter().cycle().take(usize::try_from(share)?) {
                client.send(request).await?.expect(StatusCode::OK)?;
            }
            Result::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is that of the same machine")]
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}
