//! `me` with an API key: the cost of the check of a key, against a bare handler.
//!
//! The keys belong to service accounts, of which each connection uses a few in turn.

use std::net::SocketAddr;

use crate::baseline::handler::{BareHandler, answer_size};
use crate::bench::{Bench, Data};
use crate::client::get;
use crate::comparison::compare;
use crate::load::{Load, Repeat};
use crate::options::Route;
use crate::outcome::Result;
use crate::program;
use crate::questions::ME;
use crate::report::Row;

/// Keys, of as many services.
const KEYS: usize = 16;

/// Keys of each connection.
const EACH: usize = 4;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server().await?;
    let keys = create(bench).await?;
    let connections = usize::try_from(bench.options.connections)?;

    let mut checks = load(server.address, &keys, connections)?;
    let key = keys.first().map(String::as_str);
    let bytes = answer_size(server.address, get(server.address, ME, key)?).await?;
    let clients = |address| load(address, &keys, connections);
    let mut bare = BareHandler::start(bench, Route::Me, bytes, clients).await?;
    let compared =
        compare(&mut checks, &mut bare, bench.options.rounds, bench.options.round()).await?;
    bare.stop().await?;
    server.stop().await?;
    Ok(vec![Row::rate("me with an API key", &compared, "bare handler", "≥ 0.5")])
}

/// Service accounts with a key each.
async fn create(bench: &Bench) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for _ in 0..KEYS {
        let person = bench.accounts.person();
        let (name, email) = (person.username.as_str(), person.email());
        let mut service = bench.command(Data::Common);
        service.args(["service", "create", "--username", name, "--email", &email, "--role", "msa"]);
        program::run(service, String::new()).await?;
        let mut key = bench.command(Data::Common);
        key.args(["api-key", "create", "--username", name, "--name", "bench"]);
        key.args(["--scope", "schedule:list"]);
        let created = program::run(key, String::new()).await?.answer;
        let key = created.get("key").and_then(|key| key.as_str());
        keys.push(key.ok_or("no key in the answer")?.to_owned());
    }
    Ok(keys)
}

/// Clients that request `me` repeatedly, with a few keys each.
fn load(server: SocketAddr, keys: &[String], connections: usize) -> Result<Load<Repeat>> {
    let scripts: Result<Vec<_>> = (0..connections)
        .map(|first| {
            let own = keys.iter().cycle().skip(first).take(EACH);
            let requests = own.map(|key| get(server, ME, Some(key)));
            Ok(Repeat::new(requests.collect::<Result<_>>()?))
        })
        .collect();
    Ok(Load::new(server, scripts?))
}
