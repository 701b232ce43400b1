//! One run: the measurements in order, each with its own server on the same database.

use crate::bench::Bench;
use crate::measurement::{
    api_key, batch, check, decision_flood, export, flood, followers, me, passkey, refresh,
    register, replay, shared_limit, sign_in, start, totp, verify,
};
use crate::options::{Measurement, Options};
use crate::outcome::Result;
use crate::report::{Report, progress};
use crate::trail::DecisionLog;

/// Runs the selected measurements and prints the table.
pub(crate) fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let bench = Bench::new(options)?;
        tokio::select! {
            measured = measure(&bench) => measured,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

async fn measure(bench: &Bench) -> Result<()> {
    let mut report = Report::default();
    let measured = fill(bench, &mut report).await;
    // The table is printed after an error too, with the figures so far.
    report.print(&bench.options);
    measured
}

async fn fill(bench: &Bench, report: &mut Report) -> Result<()> {
    let wanted = |measurement| {
        let selected = bench.options.selects(measurement);
        if selected {
            progress(&format!("measuring {measurement:?}"));
        }
        selected
    };
    if wanted(Measurement::Start) {
        report.add(start::measure(bench).await?);
    }
    if wanted(Measurement::Me) {
        report.add(me::measure(bench).await?);
    }
    if wanted(Measurement::ApiKey) {
        report.add(api_key::measure(bench).await?);
    }
    if wanted(Measurement::Register) {
        report.add(register::measure(bench).await?);
    }
    if wanted(Measurement::SignIn) {
        report.add(sign_in::measure(bench).await?);
    }
    if wanted(Measurement::Passkey) {
        report.add(passkey::measure(bench).await?);
    }
    if wanted(Measurement::Totp) {
        report.add(totp::measure(bench).await?);
    }
    if wanted(Measurement::Refresh) {
        report.add(refresh::measure(bench).await?);
    }
    if wanted(Measurement::Flood) {
        report.add(flood::measure(bench).await?);
    }
    if wanted(Measurement::SharedLimit) {
        report.add(shared_limit::measure(bench).await?);
    }
    if wanted(Measurement::DecisionFlood) {
        report.add(decision_flood::measure(bench).await?);
    }
    if wanted(Measurement::Followers) {
        report.add(followers::measure(bench).await?);
    }
    if wanted(Measurement::Check) {
        report.add(check::measure(bench).await?);
    }
    if wanted(Measurement::Batch) {
        report.add(batch::measure(bench).await?);
    }
    fill_with_trail(bench, report, wanted).await
}

/// The measurements that read the audit log share one, because its creation takes time.
async fn fill_with_trail(
    bench: &Bench,
    report: &mut Report,
    wanted: impl Fn(Measurement) -> bool,
) -> Result<()> {
    let readers = [Measurement::Export, Measurement::Replay, Measurement::Verify];
    if !readers.iter().any(|reader| bench.options.selects(*reader)) {
        return Ok(());
    }
    let trail = DecisionLog::fill(bench).await?;
    if wanted(Measurement::Export) {
        report.add(export::measure(bench, &trail).await?);
    }
    if wanted(Measurement::Replay) {
        report.add(replay::measure(bench, &trail).await?);
    }
    if wanted(Measurement::Verify) {
        report.add(verify::measure(bench).await?);
    }
    Ok(())
}
