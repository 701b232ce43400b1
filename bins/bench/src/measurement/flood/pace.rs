//! Open-loop load at a low, constant rate, which measures the latency of other users.
//!
//! It runs in a separate thread, so that the queue of this program is not measured. The latency of a
//! request that was delayed by a late answer counts from its planned time (coordinated omission).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use crate::client::{Client, source};
use crate::load::{Repeat, Script};
use crate::outcome::Result;

/// The sorted latencies of these clients, which send this many requests per second in turn.
pub(crate) async fn latencies(
    server: SocketAddr,
    accounts: Vec<Repeat>,
    per_second: u32,
    length: Duration,
) -> Result<Vec<Duration>> {
    spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(server, accounts, per_second, length))
    })
    .await?
}

async fn all(
    server: SocketAddr,
    accounts: Vec<Repeat>,
    per_second: u32,
    length: Duration,
) -> Result<Vec<Duration>> {
    let step = Duration::from_secs(1) / per_second;
    let turn = step * u32::try_from(accounts.len())?;
    let begin = Instant::now();
    let mut running = JoinSet::new();
    let mut first = begin;
    for (source, account) in (0..).map(source).zip(accounts) {
        running.spawn(one(server, source, account, first, turn, begin + length));
        first += step;
    }
    let mut latencies = Vec::new();
    while let Some(ended) = running.join_next().await {
        latencies.extend(ended??);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

async fn one(
    server: SocketAddr,
    source: IpAddr,
    mut account: Repeat,
    first: Instant,
    turn: Duration,
    end: Instant,
) -> Result<Vec<Duration>> {
    let mut client = Client::connect(server, source).await?;
    let mut latencies = Vec::new();
    let mut due = first;
    let mut answered = first;
    while due < end {
        sleep_until(due).await;
        let begun = if answered > due { due } else { Instant::now() };
        let answer = client.send(account.request()?).await?;
        answered = Instant::now();
        let latency = answered - begun;
        account.answer(answer, Some(latency))?;
        latencies.push(latency);
        due += turn;
    }
    Ok(latencies)
}
