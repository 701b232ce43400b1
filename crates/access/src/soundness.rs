//! Semantic faults of a matrix with valid words: cycles of inheritance, roles without any grant,
//! grants that can never decide.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::coverage::Coverage;
use crate::document::{Document, LocatedWord, RoleEntry};
use crate::fault::{Fault, FaultCode, MatrixFaults};
use crate::grant::{Grant, WildcardActions};
use crate::hierarchy::Hierarchy;
use crate::vocabulary::Vocabulary;

pub(crate) fn report_rings(
    hierarchy: &Hierarchy,
    roles: &Vocabulary,
    document: &Document<'_>,
    faults: &mut MatrixFaults,
) {
    /// The maximum number of roles of a cycle that a message names.
    const MAX_NAMED: usize = 20;
    for ring in hierarchy.rings() {
        let words = ring.iter().take(MAX_NAMED).filter_map(|&role| roles.word(role));
        let mut chain = words.collect::<Vec<_>>().join(" > ");
        if ring.len() > MAX_NAMED {
            chain.push_str(" > …");
        }
        let first = ring.first().and_then(|&role| document.roles.get(usize::from(role)));
        let line = first.map_or(1, |role| role.name.line);
        let message = format!("a role cannot inherit from itself: {chain}");
        faults.push(Fault::new(FaultCode::Cycle, line, message));
    }
}

/// Counts grants as written, with or without faults, and unknown juniors too: their own faults are
/// reported, and their effect is unknown.
pub(crate) fn report_roles_without_path(
    hierarchy: &Hierarchy,
    document: &Document<'_>,
    faults: &mut MatrixFaults,
) {
    let has_own = |role: &RoleEntry<'_>, juniors: &[u16]| {
        !role.grants.is_empty() || juniors.len() < role.juniors.len()
    };
    let mut seniors = vec![Vec::new(); document.roles.len()];
    let mut has_path = vec![false; document.roles.len()];
    let mut pending = Vec::new();
    for (role, entry) in hierarchy.ids().zip(&document.roles) {
        for &junior in hierarchy.juniors(role) {
            if let Some(seniors) = seniors.get_mut(usize::from(junior)) {
                seniors.push(role);
            }
        }
        if has_own(entry, hierarchy.juniors(role)) {
            pending.push(role);
        }
    }
    while let Some(role) = pending.pop() {
        let known = has_path.get_mut(usize::from(role));
        if known.is_some_and(|has_path| !std::mem::replace(has_path, true)) {
            pending.extend(seniors.get(usize::from(role)).into_iter().flatten());
        }
    }
    for (entry, _) in document.roles.iter().zip(has_path).filter(|(_, has_path)| !has_path) {
        let LocatedWord { word, line } = &entry.name;
        let message = format!("role `{word}` has no grant, neither its own nor a junior's");
        faults.push(Fault::new(FaultCode::RoleWithoutPath, *line, message));
    }
}

/// A grant is unreachable if a grant of the same role has fewer conditions and covers at least as
/// much.
///
/// A grant that a *junior* has already is not a fault but a [note](crate::Matrix::notes): it has an
/// effect again after a change of the hierarchy.
pub(crate) fn report_unreachable(
    grants: &[Grant],
    covering: WildcardActions,
    faults: &mut MatrixFaults,
) {
    for of_role in grants.chunk_by(|a, b| a.role == b.role) {
        // Fewest conditions and widest first; among equal grants the one that is first in the file.
        let mut order: Vec<&Grant> = of_role.iter().collect();
        order.sort_by_key(|grant| {
            let width = grant.width(covering.of(grant.actions));
            (grant.conditions.count_ones(), Reverse(width))
        });
        let mut coverage = Coverage::default();
        let mut met = HashSet::new();
        for grant in order {
            let actions = covering.of(grant.actions);
            let is_new = met.insert((&grant.resources, grant.actions, grant.conditions));
            // Without a list of actions `*` stands for none, which is a separate fault.
            if !is_new || (actions != 0 && coverage.includes(grant, actions)) {
                let (code, message) = if is_new {
                    (FaultCode::UnreachableGrant, "other grants of the role cover all of this one")
                } else {
                    (FaultCode::DuplicateGrant, "the role has this very grant already")
                };
                let line = usize::try_from(grant.line).unwrap_or(usize::MAX);
                faults.push(Fault::new(code, line, format!("{message}: remove it")));
            }
            coverage.add(grant, actions);
        }
    }
}
