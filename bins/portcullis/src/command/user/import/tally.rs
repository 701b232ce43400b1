//! The counts that `user import` reports at its end.

use std::fmt;

use serde::Serialize;

/// The number of lines for each result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ImportCounts {
    pub(super) created: u64,
    pub(super) already_present: u64,
    pub(super) refused: u64,
}

impl fmt::Display for ImportCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, already_present, refused } = self;
        write!(f, "created {created}, already present {already_present}, refused {refused}")?;
        if *refused > 0 {
            write!(f, "\nFix the lines named above and run the same command again.")?;
        }
        Ok(())
    }
}
