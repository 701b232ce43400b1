//! Registration: one Argon2id hash and one durable transaction each.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;

use crate::accounts::AccountGenerator;
use crate::baseline::raw_hashing::RawHashing;
use crate::bench::Bench;
use crate::client::{Answer, Request};
use crate::comparison::compare;
use crate::load::{Load, Script};
use crate::outcome::Result;
use crate::report::Row;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server().await?;
    let scripts = (0..bench.options.connections)
        .map(|_| Registrations { server: server.address, accounts: bench.accounts.clone() });
    let mut load = Load::new(server.address, scripts);
    let mut hashing = RawHashing::new()?;
    let compared =
        compare(&mut load, &mut hashing, bench.options.rounds, bench.options.round()).await?;
    server.stop().await?;
    Ok(vec![Row::rate("register", &compared, "raw Argon2id", "")])
}

/// Registers a new user each time.
struct Registrations {
    server: SocketAddr,
    accounts: AccountGenerator,
}

impl Script for Registrations {
    fn request(&mut self) -> Result<Request> {
        self.accounts.person().registration(self.server)
    }

    fn answer(&mut self, answer: Answer, _latency: Option<Duration>) -> Result<()> {
        answer.expect(StatusCode::CREATED)?;
        Ok(())
    }
}
