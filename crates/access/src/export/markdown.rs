//! Markdown export of the effective table.

use std::fmt;

use super::view::MatrixView;
use crate::access::EffectiveGrant;
use crate::matrix::RoleId;

pub(super) struct Page<'v>(pub(super) &'v MatrixView<'v>);

const LEGEND: &str = "\
# Access matrix

`yes` is unconditional, a word is a condition that must hold, brackets mark what is inherited, and an
empty cell is a denial.
";

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LEGEND)?;
        if let Some(role) = self.0.self_registration_role() {
            writeln!(f, "An account that registers itself becomes `{role}`.")?;
        }
        self.0.roles.iter().try_for_each(|(role, id)| self.section(role, *id, f))
    }
}

impl Page<'_> {
    fn section(&self, role: &str, id: RoleId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(view) = self;
        writeln!(f, "\n## {role}\n")?;
        let juniors = view.juniors(id);
        if !juniors.is_empty() {
            writeln!(f, "Inherits from {}.\n", juniors.join(", "))?;
        }
        let actions: Vec<_> = view.actions.iter().map(|(action, _)| *action).collect();
        writeln!(f, "| | {} |", actions.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(actions.len()))?;
        for &(resource, resource_id) in &view.resources {
            write!(f, "| {resource} |")?;
            for (_, action) in &view.actions {
                let access = view.access(id, resource_id, *action);
                let marks: Vec<_> = access.grants.iter().map(|grant| mark(grant, role)).collect();
                write!(f, " {} |", marks.join(" or "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn mark(grant: &EffectiveGrant<'_>, role: &str) -> String {
    let mark = if grant.when.is_empty() { "yes".to_owned() } else { grant.when.join(" + ") };
    if grant.from == role { mark } else { format!("({mark})") }
}
