//! The effect of many concurrent sign-ins on the latency of `me` for other users.
//!
//! A third of the clients sends the right password, a third a wrong one, and a third has no account. The
//! server must refuse most sign-ins at once, with little effect on other requests and on memory. The flood
//! runs twice: with clients that obey `Retry-After`, and with clients that retry at once.

mod attempts;
pub(crate) mod pace;

use std::time::Duration;

use tokio::time::sleep;

use self::attempts::{AnswerCounts, RetryBehaviour, SignInScript};
use crate::accounts::{TestUser, sign_in};
use crate::bench::Bench;
use crate::comparison::MeasuredWork;
use crate::load::Load;
use crate::measurement::me::who_am_i;
use crate::measurement::start::REST;
use crate::memory::{self, Bytes};
use crate::outcome::Result;
use crate::quantity::{figure, ratio, size, time};
use crate::report::Row;
use crate::server::Server;
use crate::statistics::{number, per_second, percentile};

/// Accounts whose `me` is measured.
const WATCHED: u32 = 10;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let length = Duration::from_secs(bench.options.flood_seconds.into());
    let mut rows = Vec::new();
    for (manner, name) in [
        (RetryBehaviour::Patient, "patient flood"),
        (RetryBehaviour::Relentless, "relentless flood"),
    ] {
        let server = bench.server().await?;
        let seen = watch(bench, &server, manner, length).await?;
        server.stop().await?;
        rows.extend(seen.rows(name, length));
    }
    Ok(rows)
}

/// The observations of one flood.
struct Observations {
    /// Latencies of `me` before and during the flood, sorted.
    quiet: Vec<Duration>,
    flooded: Vec<Duration>,
    tally: AnswerCounts,
    /// Memory before the flood, the maximum during the flood, and the peak of the process.
    at_rest: Bytes,
    during: Bytes,
    peak: Bytes,
}

async fn watch(
    bench: &Bench,
    server: &Server,
    manner: RetryBehaviour,
    length: Duration,
) -> Result<Observations> {
    let watched = bench.accounts.register(server.address, WATCHED).await?;
    let watched = sign_in(server.address, &watched).await?;
    let members =
        bench.accounts.register(server.address, bench.options.flood.div_ceil(3) * 2).await?;
    let mut flood = flood(bench, server, &members, manner)?;
    sleep(REST).await;

    let me = || async {
        let ask = watched.iter().map(|account| who_am_i(server.address, [account]));
        let ask = ask.collect::<Result<Vec<_>>>()?;
        pace::latencies(server.address, ask, bench.options.paced, length).await
    };
    let at_rest = memory::resident(server.process())?;
    let quiet = me().await?;
    let mut during = at_rest;
    let (flooded, round) = tokio::select! {
        both = async { tokio::join!(me(), flood.round(length)) } => both,
        failed = memory::watch(server.process(), &mut during) => return Err(failed),
    };
    round?;
    Ok(Observations {
        quiet,
        flooded: flooded?,
        tally: flood.into_scripts().map(SignInScript::into_tally).sum(),
        at_rest,
        during,
        peak: memory::peak(server.process())?,
    })
}

fn flood(
    bench: &Bench,
    server: &Server,
    members: &[TestUser],
    manner: RetryBehaviour,
) -> Result<Load<SignInScript>> {
    let mut members = members.iter();
    let mut member = || members.next().ok_or("too few members for the flood");
    let attempts = (0..bench.options.flood).map(|number| {
        let request = match number % 3 {
            0 => member()?.sign_in(server.address),
            1 => member()?.wrong_sign_in(server.address),
            _ => bench.accounts.person().sign_in(server.address),
        };
        Ok(SignInScript::new(request?, manner))
    });
    Ok(Load::new(server.address, attempts.collect::<Result<Vec<_>>>()?))
}

impl Observations {
    fn rows(&self, flood: &str, length: Duration) -> [Row; 4] {
        [self.latency(flood), self.answers(flood, length), self.refusals(flood), self.memory(flood)]
    }

    fn latency(&self, flood: &str) -> Row {
        let [quiet, flooded] = [&self.quiet, &self.flooded]
            .map(|latencies| [50, 99].map(|per_cent| percentile(latencies, per_cent)));
        let ([quiet_half, quiet_slow], [flooded_half, flooded_slow]) = (quiet, flooded);
        Row {
            against: format!("quiet: {}, p50 {}", time(quiet_slow), time(quiet_half)),
            ratio: ratio(flooded_slow.as_secs_f64() / quiet_slow.as_secs_f64()),
            ..Row::fact(
                &format!("{flood}: me p99"),
                time(flooded_slow),
                format!("p50 {}; {} requests", time(flooded_half), self.flooded.len()),
                "≤ 5",
            )
        }
    }

    fn answers(&self, flood: &str, length: Duration) -> Row {
        let total = self.tally.total();
        let share = |count: usize| 100.0 * number(count) / number(total.max(1));
        Row::fact(
            &format!("{flood}: answers"),
            format!("{}/s", figure(per_second(total, length))),
            format!(
                "{:.1} % 200, {:.1} % 401, {:.1} % 503; {}/s not 503",
                share(self.tally.signed_in),
                share(self.tally.refused),
                share(self.tally.refusals.len()),
                figure(per_second(self.tally.signed_in + self.tally.refused, length)),
            ),
            "",
        )
    }

    fn refusals(&self, flood: &str) -> Row {
        let at = |per_cent| time(percentile(&self.tally.refusals, per_cent));
        let told = match self.tally.without_retry_after {
            0 => "all with Retry-After".to_owned(),
            missing => format!("{missing} WITHOUT Retry-After"),
        };
        Row::fact(
            &format!("{flood}: slowest 503"),
            at(100),
            format!("p50 {}, p99 {}; {told}", at(50), at(99)),
            "≤ 100 ms",
        )
    }

    fn memory(&self, flood: &str) -> Row {
        let (Bytes(at_rest), Bytes(during), Bytes(peak)) = (self.at_rest, self.during, self.peak);
        Row {
            against: format!("at rest: {}", size(at_rest)),
            ..Row::fact(
                &format!("{flood}: most memory"),
                size(peak),
                format!("{} seen during it", size(during)),
                "bounded",
            )
        }
    }
}
