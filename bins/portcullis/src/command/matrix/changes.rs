//! Prints the difference of two matrices as text.

use std::fmt;

use portcullis_access::{CellChange, Change, MatrixDiff, WordChanges};

use crate::table::Table;

/// Lines of a printed difference; `--json` has all of them.
const MAX_LINES: usize = 200;

/// Prints a difference, one change a line.
pub(super) struct Changes<'a>(pub(super) &'a MatrixDiff);

impl fmt::Display for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(diff) = self;
        if diff.is_empty() {
            return f.write_str("Nothing changes for any role.");
        }
        words(f, "role", &diff.roles)?;
        words(f, "resource", &diff.resources)?;
        words(f, "action", &diff.actions)?;
        if let Some((before, after)) = &diff.self_registration_role {
            let [before, after] = [before, after].map(|role| role.as_deref().unwrap_or("none"));
            writeln!(f, "an account that registers gets the role {after} instead of {before}")?;
        }
        for step in &diff.hierarchy {
            let verb = if step.added { "now inherits" } else { "no longer inherits" };
            writeln!(f, "{} {verb} from {}", step.senior, step.junior)?;
        }
        Table(diff.cells.iter().take(MAX_LINES).map(row).collect()).fmt(f)?;
        let unshown = diff.cells.len().saturating_sub(MAX_LINES) + diff.cells_left_out;
        if unshown > 0 {
            writeln!(f, "… and {unshown} more cells (--json prints the first 10,000)")?;
        }
        let count = |wanted| diff.cells.iter().filter(|cell| cell.change == wanted).count();
        write!(
            f,
            "cells gained: {}, lost: {}, with other conditions: {}",
            count(Change::Gained),
            count(Change::Lost),
            count(Change::ConditionsChanged)
        )
    }
}

fn words(f: &mut fmt::Formatter<'_>, kind: &str, changes: &WordChanges) -> fmt::Result {
    for (verb, words) in [("new", &changes.added), ("removed", &changes.removed)] {
        if !words.is_empty() {
            writeln!(f, "{verb} {kind}: {}", words.join(", "))?;
        }
    }
    Ok(())
}

fn row(cell: &CellChange) -> [String; 4] {
    let verb = match cell.change {
        Change::Gained => "gains",
        Change::Lost => "loses",
        Change::ConditionsChanged => "keeps",
    };
    let what = format!("{} {}", cell.resource, cell.action);
    [cell.role.clone(), verb.to_owned(), what, format!("{} -> {}", cell.before, cell.after)]
}
