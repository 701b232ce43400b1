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
    pub grants: Vec<EffectiveGrant<'a>>,
}

/// One grant that gives the action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EffectiveGrant<'a> {
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
        self.grants.is_empty()
    }

    /// Removes the origin: the result is equal for two matrices that give the same under the same
    /// conditions.
    pub(crate) fn without_origin(mut self) -> Self {
        for grant in &mut self.grants {
            grant.from = "";
            grant.line = 0;
        }
        self.grants.sort_unstable();
        self
    }
}

impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.grants.is_empty() {
            return f.write_str("never");
        }
        for (index, grant) in self.grants.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match grant.when.as_slice() {
                [] => f.write_str("always")?,
                conditions => f.write_str(&conditions.join(" + "))?,
            }
        }
        Ok(())
    }
}
