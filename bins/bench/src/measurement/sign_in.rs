//! Sign-in: one Argon2id hash, two tokens and one durable transaction each.

use crate::baseline::raw_hashing::RawHashing;
use crate::bench::Bench;
use crate::client::Request;
use crate::comparison::compare;
use crate::load::{Load, Repeat};
use crate::outcome::Result;
use crate::report::Row;

/// Accounts for each connection, enough that few reach their session limit, from which each sign-in ends
/// another session.
const ACCOUNTS: u32 = 12;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server().await?;
    let connections = bench.options.connections;
    let people = bench.accounts.register(server.address, connections * ACCOUNTS).await?;
    let requests: Vec<Request> =
        people.iter().map(|person| person.sign_in(server.address)).collect::<Result<_>>()?;

    let own = requests.chunks(usize::try_from(ACCOUNTS)?);
    let mut load = Load::new(server.address, own.map(|own| Repeat::new(own.to_vec())));
    let mut hashing = RawHashing::new()?;
    let compared =
        compare(&mut load, &mut hashing, bench.options.rounds, bench.options.round()).await?;
    server.stop().await?;
    Ok(vec![Row::rate("sign-in", &compared, "raw Argon2id", "≥ 0.9")])
}
