//! Recorded permission checks, a thousand per request: decisions per second.

use crate::bench::{Bench, Data};
use crate::measurement::check::{against_the_bare_handler, recorded};
use crate::options::Route;
use crate::outcome::Result;
use crate::quantity::figure;
use crate::questions::BATCH_SIZE;
use crate::recording::all_recorded;
use crate::report::Row;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server_with(Data::Common, &[]).await?;
    let (compared, answers) = against_the_bare_handler(bench, &server, Route::Batch).await?;
    let decisions = answers * u64::from(BATCH_SIZE);
    all_recorded(server.operations, decisions).await?;
    server.stop().await?;
    let each_second =
        |requests: f64| format!("{} decisions/s", figure(requests * f64::from(BATCH_SIZE)));
    let row = Row::rate("batch of 1,000 checks", &compared, "bare handler", "≥ 300,000/s");
    Ok(vec![
        Row { figure: each_second(compared.subject.median), ..row }.noting(&recorded(decisions)),
    ])
}
