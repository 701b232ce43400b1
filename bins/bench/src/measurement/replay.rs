//! `policy replay` of every decision of the audit log: speed, and growth of memory with their number.

use std::fs;

use crate::bench::{Bench, Data};
use crate::outcome::Result;
use crate::program::{self, CommandResult};
use crate::quantity::{count, figure, size, time};
use crate::report::Row;
use crate::statistics::per_second;
use crate::trail::{DecisionLog, Period};

const MATRIX: &str = include_str!("../../../../config/access_matrix.toml");

/// The other matrix: coordinators lose the export of reports and gain their import.
const CHANGE: (&str, &str) = (
    r#"{ resources = ["report"], actions = ["read", "list", "export"] }"#,
    r#"{ resources = ["report"], actions = ["read", "list", "import"] }"#,
);

pub(crate) async fn measure(bench: &Bench, trail: &DecisionLog) -> Result<Vec<Row>> {
    let candidate = bench.file("candidate.toml");
    fs::write(&candidate, changed())?;
    let replay = async |period: &Period| {
        let mut command = bench.command(Data::DecisionLog);
        command.args(["policy", "replay", "--from", &period.from, "--until", &period.until]);
        command.arg(&candidate);
        let replayed = program::run(command, String::new()).await?;
        check(&replayed, period)?;
        Result::Ok(replayed)
    };
    let short = replay(&trail.tenth).await?;
    let long = replay(&trail.whole).await?;
    let decisions = trail.whole.decisions;
    Ok(vec![Row {
        against: format!("most memory with a tenth: {}", size(short.peak.0)),
        ..Row::fact(
            "policy replay",
            format!("{} decisions/s", figure(per_second(usize::try_from(decisions)?, long.took))),
            format!(
                "{} decisions in {}; most memory {}",
                count(decisions),
                time(long.took),
                size(long.peak.0)
            ),
            "10,000,000 in 60 s",
        )
    }])
}

fn changed() -> String {
    let (before, after) = CHANGE;
    MATRIX.replace(before, after)
}

/// Fails if the replay misses decisions or the change.
fn check(replayed: &CommandResult, period: &Period) -> Result<()> {
    let [examined, gained, lost] = ["examined", "gained", "lost"].map(|name| replayed.number(name));
    let (examined, gained, lost) = (examined?, gained?, lost?);
    if examined == period.decisions && gained > 0 && lost > 0 {
        return Ok(());
    }
    let decisions = period.decisions;
    Err(format!("{examined} of {decisions} replayed, {gained} gained, {lost} lost").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_differs_from_the_default_matrix() {
        assert_ne!(changed(), MATRIX);
    }
}
