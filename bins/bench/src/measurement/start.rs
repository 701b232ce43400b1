//! The time from start to the first ready answer, and the memory of an idle server.

use std::time::Duration;

use tokio::time::sleep;

use crate::bench::Bench;
use crate::memory::{self, Bytes};
use crate::outcome::Result;
use crate::quantity::{size, spread, time};
use crate::report::Row;
use crate::server::Server;
use crate::statistics::Summary;

const STARTS: usize = 10;
const REGISTRATIONS: u32 = 20;

/// The pause after which a server has freed the memory of finished work.
pub(crate) const REST: Duration = Duration::from_secs(2);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    // The first start creates the database.
    bench.server().await?.stop().await?;
    let mut times = Vec::new();
    for _ in 1..STARTS {
        let server = bench.server().await?;
        times.push(server.started_in);
        server.stop().await?;
    }
    let server = bench.server().await?;
    times.push(server.started_in);
    let mut rows = vec![Row::fact(
        "start to ready",
        spread(times.into_iter().collect::<Summary>(), |s| time(Duration::from_secs_f64(s))),
        format!("{STARTS} starts on an existing database"),
        "< 200 ms",
    )];
    rows.extend(at_rest(bench, &server).await?);
    server.stop().await?;
    Ok(rows)
}

async fn at_rest(bench: &Bench, server: &Server) -> Result<[Row; 2]> {
    sleep(REST).await;
    let Bytes(started) = memory::resident(server.process())?;
    bench.accounts.register(server.address, REGISTRATIONS).await?;
    let Bytes(at_once) = memory::resident(server.process())?;
    sleep(REST).await;
    let Bytes(rested) = memory::resident(server.process())?;
    Ok([
        Row::fact("memory at rest", size(started), "after the start".to_owned(), "< 40 MiB"),
        Row::fact(
            "memory at rest",
            size(rested),
            format!("{REST:?} after {REGISTRATIONS} registrations, {} at once", size(at_once)),
            "",
        ),
    ])
}
