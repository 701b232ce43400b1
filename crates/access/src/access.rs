//! Access of one role to one action on one resource: a cell of the effective table.

use std::fmt;

use serde::Serialize;

/// All grants that give a role an action on a resource.
///
/// Prints as `always`, `never`, or the conditions: `own or not_own + party`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Access<'a> {
    /// Nearest role first; no grant makes another one redundant.
    pub ways: Vec<Way<'a>>,
}

/// One grant that gives the action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Way<'a> {
    /// The conditions by name, which must all hold; empty for always.
    pub when: Vec<&'a str>,
    /// The role that has the grant: the role itself, or one of its juniors.
    pub from: &'a str,
    /// The line of the grant in the file, counted from 1.
    pub line: u32,
}

impl Access<'_> {
    /// Returns whether no grant gives the action.
    pub fn is_never(&self) -> bool {
        self.ways.is_empty()
    }

    /// Removes the origin: the result is equal for two matrices that give the same under the same
    /// conditions.
    pub(crate) fn without_origin(mut self) -> Self {
        for way in &mut self.ways {
            way.from = "";
            way.line = 0;
        }
        self.ways.sort_unstable();
        self
    }
}

impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ways.is_empty() {
            return f.write_str("never");
        }
        for (index, way) in self.ways.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match way.when.as_slice() {
                [] => f.write_str("always")?,
                conditions => f.write_str(&conditions.join(" + "))?,
            }
        }
        Ok(())
    }
}
