//! Export of the audit log over HTTP: speed, and growth of memory with its length.

use std::time::Duration;

use hyper::StatusCode;
use tokio::time::Instant;

use crate::bench::{Bench, Data};
use crate::client::{Client, get, source};
use crate::memory::{self, Bytes};
use crate::outcome::Result;
use crate::quantity::{count, figure, size, time};
use crate::report::Row;
use crate::statistics::per_second;
use crate::trail::{DecisionLog, Period};

pub(crate) async fn measure(bench: &Bench, trail: &DecisionLog) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (format, name, lines_before) in
        [("jsonl", "export as JSON lines", 0), ("csv", "export as CSV", 1)]
    {
        let token = &trail.admin.access_token;
        let short = export(bench, &trail.tenth, format, token).await?;
        let long = export(bench, &trail.whole, format, token).await?;
        for (exported, period) in [(&short, &trail.tenth), (&long, &trail.whole)] {
            let entries = exported.lines - lines_before;
            if entries != period.decisions {
                let wanted = period.decisions;
                return Err(format!("{entries} entries exported as {format}, not {wanted}").into());
            }
        }
        rows.push(long.row(name, &short, trail)?);
    }
    Ok(rows)
}

struct ExportRun {
    took: Duration,
    lines: u64,
    bytes: u64,
    /// The peak memory of the server, which did nothing else.
    peak: Bytes,
}

#[expect(clippy::naive_bytecount, reason = "fast enough as the compiler vectorises it")]
async fn export(bench: &Bench, period: &Period, format: &str, token: &str) -> Result<ExportRun> {
    let server = bench.server_with(Data::DecisionLog, &[]).await?;
    let mut client = Client::connect(server.address, source(0)).await?;
    let Period { from, until, .. } = period;
    let path = format!(
        "/api/admin/audit/export?format={format}&kind=permission_check&from={from}&until={until}"
    );
    let (mut lines, mut bytes) = (0_usize, 0_usize);
    let begun = Instant::now();
    let status = client
        .download(get(server.address, &path, Some(token))?, |chunk| {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            bytes += chunk.len();
        })
        .await?;
    let took = begun.elapsed();
    if status != StatusCode::OK {
        return Err(format!("the export was answered with {status}").into());
    }
    let peak = memory::peak(server.process())?;
    server.stop().await?;
    Ok(ExportRun { took, lines: lines.try_into()?, bytes: bytes.try_into()?, peak })
}

impl ExportRun {
    fn row(&self, name: &str, short: &Self, trail: &DecisionLog) -> Result<Row> {
        let Self { took, bytes, peak: Bytes(peak), .. } = *self;
        let (decisions, Bytes(short_peak)) = (trail.whole.decisions, short.peak);
        Ok(Row {
            against: format!("most memory with a tenth: {}", size(short_peak)),
            ..Row::fact(
                name,
                format!("{} entries/s", figure(per_second(usize::try_from(decisions)?, took))),
                format!(
                    "{} entries, {}, in {}; most memory {}",
                    count(decisions),
                    size(bytes),
                    time(took),
                    size(peak)
                ),
                "constant memory",
            )
        })
    }
}
