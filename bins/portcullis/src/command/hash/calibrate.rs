//! `hash calibrate`: the highest memory of a hash that stays within a time on this machine.
//!
//! Memory is the strongest defence against hardware of attackers, so it grows first, with the two passes
//! of the OWASP minimum.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use portcullis_password::Argon2Params;
use serde::Serialize;

use crate::failure::Failure;
use crate::hash_time;
use crate::output::Output;
use crate::table::Table;

/// The arguments of `hash calibrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The time that one hash may take, in milliseconds
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(10..=10_000))]
    target_ms: u64,
}

/// The measured amounts of memory, in MiB.
const MEMORY_MIB: [u32; 7] = [19, 32, 46, 64, 96, 128, 256];

/// The answer.
#[derive(Serialize)]
struct Calibration {
    target_ms: u64,
    /// `None` if even the minimum takes longer.
    recommended: Option<MeasuredCost>,
    measured: Vec<MeasuredCost>,
}

/// A cost, and the time of one hash.
#[derive(Clone, Copy, Serialize)]
struct MeasuredCost {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
    milliseconds: f64,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode, Failure> {
    let target = Duration::from_millis(arguments.target_ms);
    let lowest = Argon2Params::default();
    let mut measured = Vec::new();
    let mut recommended = None;
    for memory in MEMORY_MIB {
        let params = Argon2Params::new(memory * 1024, lowest.iterations(), lowest.parallelism());
        let Some((params, time)) =
            params.ok().and_then(|params| Some((params.clone(), hash_time::median(&params)?)))
        else {
            break;
        };
        let cost = MeasuredCost {
            memory_kib: params.memory_kib(),
            iterations: params.iterations(),
            parallelism: params.parallelism(),
            milliseconds: time.as_secs_f64() * 1000.0,
        };
        measured.push(cost);
        if time > target {
            break;
        }
        recommended = Some(cost);
    }
    let calibration = Calibration { target_ms: arguments.target_ms, recommended, measured };
    output.answer(&calibration)?;
    Ok(if recommended.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |cost: &MeasuredCost| {
            let MeasuredCost { memory_kib, iterations, milliseconds, .. } = cost;
            [memory_kib.to_string(), iterations.to_string(), format!("{milliseconds:.1}")]
        };
        let titles = ["memory_kib", "iterations", "milliseconds"].map(str::to_owned);
        let rows = self.measured.iter().map(row);
        writeln!(f, "{}", Table(std::iter::once(titles).chain(rows).collect()))?;
        let Some(cost) = &self.recommended else {
            return write!(f, "Even the minimum takes more than {} ms here.", self.target_ms);
        };
        let MeasuredCost { memory_kib, iterations, parallelism, .. } = cost;
        write!(
            f,
            "For at most {} ms, write into the configuration:\n\n[passwords]\nmemory_kib = \
             {memory_kib}\niterations = {iterations}\nparallelism = {parallelism}",
            self.target_ms
        )
    }
}
