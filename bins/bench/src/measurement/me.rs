//! `me` with a bearer token: the cost of verifying a token, against a bare handler; and the cost of the
//! request stack, against a bare handler that verifies tokens.

use std::net::SocketAddr;

use crate::accounts::{Tokens, sign_in};
use crate::baseline::handler::{BareHandler, answer_size};
use crate::bench::Bench;
use crate::client::get;
use crate::comparison::compare;
use crate::load::{Load, Repeat};
use crate::options::Route;
use crate::outcome::Result;
use crate::questions::ME;
use crate::report::Row;

/// Signed-in accounts for each connection, so that no answer benefits from the previous one.
const ACCOUNTS: u32 = 4;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server().await?;
    let connections = bench.options.connections;
    let people = bench.accounts.register(server.address, connections * ACCOUNTS).await?;
    let tokens = sign_in(server.address, &people).await?;

    let mut load = load(server.address, &tokens, connections)?;
    let (rounds, length) = (bench.options.rounds, bench.options.round());
    let mut bare = bare_handler(bench, server.address, &tokens).await?;
    let alone = compare(&mut load, &mut bare, rounds, length).await?;
    bare.stop().await?;
    let bytes = answer_bytes(server.address, &tokens).await?;
    let clients = |address| self::load(address, &tokens, connections);
    let mut bare = BareHandler::verifying(bench, server.address, bytes, clients).await?;
    let verified = compare(&mut load, &mut bare, rounds, length).await?;
    bare.stop().await?;
    server.stop().await?;
    Ok(vec![
        Row::rate("me", &alone, "bare handler", "≥ 0.7"),
        Row::rate("me, its stack", &verified, "bare handler that verifies tokens", "≥ 0.85"),
    ])
}

/// The bare handler that stands for `me`.
pub(crate) async fn bare_handler(
    bench: &Bench,
    server: SocketAddr,
    tokens: &[Tokens],
) -> Result<BareHandler> {
    let bytes = answer_bytes(server, tokens).await?;
    let clients = |address| load(address, tokens, bench.options.connections);
    BareHandler::start(bench, Route::Me, bytes, clients).await
}

/// The bytes of an answer.
async fn answer_bytes(server: SocketAddr, tokens: &[Tokens]) -> Result<usize> {
    let token = tokens.first().map(|tokens| tokens.access_token.as_str());
    answer_size(server, get(server, ME, token)?).await
}

/// Clients that request `me` repeatedly, for a few accounts each.
pub(crate) fn load(
    server: SocketAddr,
    tokens: &[Tokens],
    connections: u32,
) -> Result<Load<Repeat>> {
    let connections = usize::try_from(connections)?;
    let scripts: Result<Vec<_>> = (0..connections.min(tokens.len()))
        .map(|first| who_am_i(server, tokens.iter().skip(first).step_by(connections)))
        .collect();
    Ok(Load::new(server, scripts?))
}

/// Requests `me` for these accounts in turn.
pub(crate) fn who_am_i<'a>(
    server: SocketAddr,
    accounts: impl IntoIterator<Item = &'a Tokens>,
) -> Result<Repeat> {
    let requests = accounts.into_iter().map(|tokens| get(server, ME, Some(&tokens.access_token)));
    Ok(Repeat::new(requests.collect::<Result<_>>()?))
}
