//! Recorded permission checks, one per request, against a handler that reads and answers as much.
//!
//! After the rounds the server must have recorded exactly as many decisions as it has answered; otherwise
//! there is no figure.

use std::net::SocketAddr;

use crate::accounts::sign_in;
use crate::baseline::handler::{BareHandler, answer_size};
use crate::bench::{Bench, Data};
use crate::client::Request;
use crate::comparison::{Comparison, compare};
use crate::load::{Load, Repeat};
use crate::options::Route;
use crate::outcome::Result;
use crate::quantity::count;
use crate::questions::{CheckClient, DIFFERENT};
use crate::recording::all_recorded;
use crate::report::Row;
use crate::server::Server;

/// Different checks of each client, which it repeats.
const QUESTIONS: u32 = 120;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, strict, target) in
        [("check", "false", "≥ 0.4"), ("check, stored before it is answered", "true", "")]
    {
        let strict = [("PORTCULLIS__AUDIT__STRICT", strict)];
        let server = bench.server_with(Data::Common, &strict).await?;
        let (compared, answers) = against_the_bare_handler(bench, &server, Route::Check).await?;
        all_recorded(server.operations, answers).await?;
        server.stop().await?;
        let row = Row::rate(name, &compared, "bare handler", target);
        rows.push(row.noting(&recorded(answers)));
    }
    Ok(rows)
}

/// The detail of a row whose decisions have all been recorded.
pub(super) fn recorded(decisions: u64) -> String {
    format!("all {} recorded", count(decisions))
}

/// Compares the answers of that route with the bare handler. Returns the number of requests that the
/// server has answered since its start, too.
pub(super) async fn against_the_bare_handler(
    bench: &Bench,
    server: &Server,
    route: Route,
) -> Result<(Comparison, u64)> {
    let people = bench.accounts.register(server.address, bench.options.connections).await?;
    let tokens = sign_in(server.address, &people).await?;
    let mut askers = Vec::new();
    for tokens in &tokens {
        askers.push(CheckClient::of(server.address, tokens).await?);
    }
    let scripts: Vec<Vec<Request>> = (0..)
        .zip(&askers)
        .map(|(number, asker)| requests(asker, route, number * (DIFFERENT / 7)))
        .collect::<Result<_>>()?;
    let load = |address: SocketAddr| Load::new(address, scripts.iter().cloned().map(Repeat::new));

    let first = scripts.iter().flatten().next().ok_or("no requests")?;
    let bytes = answer_size(server.address, first.clone()).await?;
    let mut bare = BareHandler::start(bench, route, bytes, |address| Ok(load(address))).await?;
    let mut load = load(server.address);
    let compared =
        compare(&mut load, &mut bare, bench.options.rounds, bench.options.round()).await?;
    bare.stop().await?;
    let answers: u64 = load.into_scripts().map(|script| script.answered).sum();
    Ok((compared, answers + 1))
}

fn requests(asker: &CheckClient, route: Route, first: u32) -> Result<Vec<Request>> {
    if route == Route::Batch {
        return Ok(vec![asker.batch(first)?]);
    }
    (first..first.saturating_add(QUESTIONS)).map(|number| asker.check(number)).collect()
}
