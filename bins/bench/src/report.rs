//! The result table in Markdown, with machine, commit and command.

use crate::baseline::raw_hashing::COST;
use crate::comparison::Comparison;
use crate::machine;
use crate::options::Options;
use crate::quantity::{figure, ratio, spread, time};

/// The rows measured so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// One row of the table. Columns that do not apply are empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// The measurement.
    pub what: String,
    /// The median, or the single figure.
    pub figure: String,
    /// Details of the figure.
    pub detail: String,
    /// The baseline and its figure.
    pub against: String,
    /// The ratio: median, minimum and maximum of the pairs.
    pub ratio: String,
    /// The target.
    pub target: &'static str,
}

impl Report {
    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(crate) fn print(&self, options: &Options) {
        println!("{}", self.render(options));
    }

    fn render(&self, options: &Options) -> String {
        let (memory, passes, lanes) = COST;
        let database = if options.postgres().is_some() { "PostgreSQL" } else { "SQLite" };
        let optimised = if cfg!(debug_assertions) { ", UNOPTIMISED BUILD" } else { "" };
        let Options { connections, rounds, seconds, .. } = options;
        let parts = [
            format!("Portcullis, {}{optimised}", machine::commit()),
            format!("{}, shared by server and load", machine::hardware()),
            format!("{database}; Argon2id with {memory} KiB, {passes} passes, {lanes} lane"),
            format!(
                "{connections} connections; medians of {rounds} rounds of {seconds} s, each \
                 followed by one of its baseline; ratios pair by pair, least–most in brackets"
            ),
            String::new(),
            table(&self.rows),
            format!("Again: {}", machine::command(std::env::args().skip(1))),
        ];
        parts.join("\n")
    }
}

impl Row {
    /// A rate compared with the rate of a baseline.
    pub(crate) fn rate(
        what: &str,
        compared: &Comparison,
        baseline: &str,
        target: &'static str,
    ) -> Self {
        let (median, slowest) = compared.latency();
        Self {
            what: what.to_owned(),
            figure: format!("{}/s", figure(compared.subject.median)),
            detail: format!("p50 {}, p99 {}", time(median), time(slowest)),
            against: format!("{baseline}: {}/s", figure(compared.baseline.median)),
            ratio: spread(compared.ratio, ratio),
            target,
        }
    }

    /// This row, with a note about the figure.
    pub(crate) fn noting(self, note: &str) -> Self {
        Self { detail: format!("{}; {note}", self.detail), ..self }
    }

    /// A figure without baseline.
    pub(crate) fn fact(what: &str, figure: String, detail: String, target: &'static str) -> Self {
        Self { what: what.to_owned(), figure, detail, target, ..Self::default() }
    }
}

/// Prints a progress message.
#[expect(clippy::print_stderr, reason = "a run takes minutes")]
pub(crate) fn progress(text: &str) {
    eprintln!("bench: {text}");
}

fn table(rows: &[Row]) -> String {
    let heads = ["Measured", "Median", "Detail", "Against", "Ratio", "Target"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(heads)
        .chain(rows.iter().cloned().map(|row| {
            [row.what, row.figure, row.detail, row.against, row.ratio, row.target.to_owned()]
        }))
        .collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| {
            let of_column = cells.iter().filter_map(|row| row.get(column));
            of_column.map(|cell| cell.chars().count()).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &[String; 6]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|");
    let mut lines = cells.iter().map(line);
    let head = lines.next().unwrap_or_default();
    format!("{head}|{rule}|\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let ratio = spread([0.5, 0.55, 0.61].into_iter().collect(), ratio);
        let row = Row { ratio, ..Row::fact("me", "9/s".to_owned(), String::new(), "≥ 0.5") };
        assert_eq!(
            table(&[row]),
            "| Measured | Median | Detail | Against | Ratio            | Target |\n\
             |----------|--------|--------|---------|------------------|--------|\n\
             | me       | 9/s    |        |         | 0.55 (0.50–0.61) | ≥ 0.5  |\n"
        );
    }
}
