//! Rotation: two tokens and one durable transaction each, on the configured database.
//!
//! The baseline of PostgreSQL is pgbench. The baseline of SQLite is the bare handler, which writes nothing,
//! so its ratio is only comparable between runs.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use crate::accounts::{Tokens, sign_in};
use crate::baseline::pgbench::Pgbench;
use crate::bench::Bench;
use crate::client::{Answer, Request, post};
use crate::comparison::compare;
use crate::load::{Load, Script};
use crate::measurement::me::bare_handler;
use crate::outcome::Result;
use crate::report::Row;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server().await?;
    let people = bench.accounts.register(server.address, bench.options.connections).await?;
    let tokens = sign_in(server.address, &people).await?;
    let scripts = tokens.iter().map(|tokens| Rotations {
        server: server.address,
        refresh_token: tokens.refresh_token.clone(),
    });
    let load = Load::new(server.address, scripts);
    let row = match bench.options.postgres() {
        Some(url) => against_pgbench(bench, load, url).await?,
        None => against_the_bare_handler(bench, load, server.address, &tokens).await?,
    };
    server.stop().await?;
    Ok(vec![row])
}

async fn against_pgbench(bench: &Bench, mut load: Load<Rotations>, url: &str) -> Result<Row> {
    let Bench { options, .. } = bench;
    let mut pgbench =
        Pgbench::prepare(options.pgbench.as_deref(), url, options.connections).await?;
    let compared = compare(&mut load, &mut pgbench, options.rounds, options.round()).await;
    pgbench.clean_up().await?;
    Ok(Row::rate("refresh", &compared?, "pgbench -N -M prepared", "≥ 0.35"))
}

async fn against_the_bare_handler(
    bench: &Bench,
    mut load: Load<Rotations>,
    server: SocketAddr,
    tokens: &[Tokens],
) -> Result<Row> {
    let mut bare = bare_handler(bench, server, tokens).await?;
    let compared =
        compare(&mut load, &mut bare, bench.options.rounds, bench.options.round()).await?;
    bare.stop().await?;
    Ok(Row::rate("refresh", &compared, "bare handler", ""))
}

/// Rotates the token of one session.
struct Rotations {
    server: SocketAddr,
    refresh_token: String,
}

impl Script for Rotations {
    fn request(&mut self) -> Result<Request> {
        let body = json!({ "refresh_token": self.refresh_token });
        post(self.server, "/api/auth/refresh", &body)
    }

    fn answer(&mut self, answer: Answer, _latency: Option<Duration>) -> Result<()> {
        let answer = answer.expect(StatusCode::OK)?;
        let tokens: Tokens = serde_json::from_slice(&answer.body)?;
        self.refresh_token = tokens.refresh_token;
        Ok(())
    }
}
