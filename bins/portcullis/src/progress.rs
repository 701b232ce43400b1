//! How far long work has come: on a terminal, on standard error, and never for programs.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Of a file that is read from its beginning to its end.
pub(crate) fn of_bytes(size: u64, output: Output) -> ProgressBar {
    bar(Some(size), "{wide_bar} {bytes} of {total_bytes}, {eta} left", output)
}

/// Of so many things.
pub(crate) fn of(length: u64, things: &str, output: Output) -> ProgressBar {
    let template = format!("{{wide_bar}} {{human_pos}} of {{human_len}} {things}, {{eta}} left");
    bar(Some(length), &template, output)
}

/// Of things that nobody has counted.
pub(crate) fn counting(things: &str, output: Output) -> ProgressBar {
    bar(None, &format!("{{spinner}} {{human_pos}} {things}, {{elapsed}}"), output)
}

/// Of work that cannot be measured at all.
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
