//! Progress of long work, on standard error if that is a terminal, and never with `--json`.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// The progress of a file that is read to its end.
pub(crate) fn of_bytes(size: u64, output: Output) -> ProgressBar {
    bar(Some(size), "{wide_bar} {bytes} of {total_bytes}, {eta} left", output)
}

/// The progress of a known number of things.
pub(crate) fn of(length: u64, things: &str, output: Output) -> ProgressBar {
    let template = format!("{{wide_bar}} {{human_pos}} of {{human_len}} {things}, {{eta}} left");
    bar(Some(length), &template, output)
}

/// The progress of an unknown number of things.
pub(crate) fn counting(things: &str, output: Output) -> ProgressBar {
    bar(None, &format!("{{spinner}} {{human_pos}} {things}, {{elapsed}}"), output)
}

/// A spinner for work that cannot be measured.
pub(crate) fn waiting(work: &str, output: Output) -> ProgressBar {
    let bar = bar(None, &format!("{{spinner}} {work}, {{elapsed}}"), output);
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

fn bar(length: Option<u64>, template: &str, output: Output) -> ProgressBar {
    let shown = std::io::stderr().is_terminal() && !output.json;
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(length, target);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
