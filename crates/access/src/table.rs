//! Compiled decision table: maps role, resource and action to the few grants that can decide.
//!
//! Inheritance is resolved in advance. Each role has one row for each resource that it or a junior
//! names, and one row for all other resources, so that `*` costs one row and not a thousand. Equal
//! rows and equal cells are stored once and shared with senior roles. A lookup is a binary search
//! among the resources of the role and two array accesses.

use std::collections::HashMap;

use crate::grant::{ConditionSet, Grant, Resources, action_bit};
use crate::hierarchy::Walk;
use crate::resolve::Resolved;

/// The maximum number of grants to consider, over all roles, resources and actions. Each costs some
/// nanoseconds at load and at most four bytes of permanent memory.
pub(crate) const MAX_STEPS: usize = 1 << 25;

/// A grant that can decide a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) grant: u32,
    pub(crate) conditions: ConditionSet,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    actions: usize,
    /// By role: its range in `resources` and `rows`.
    roles: Vec<Span>,
    /// By role: the row for resources that it does not name.
    other: Vec<u32>,
    /// Sorted within each role.
    resources: Vec<u16>,
    /// Parallel to `resources`.
    rows: Vec<u32>,
    /// All rows in sequence; each has one cell for each action.
    cells: Vec<u32>,
    spans: Vec<Span>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of<T>(self, items: &[T]) -> &[T] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = usize::try_from(self.end).unwrap_or(usize::MAX);
        items.get(start..end).unwrap_or_default()
    }
}

impl Table {
    /// The grants that can decide a cell, nearest role first: either a single one without
    /// conditions, or several with conditions, of which none makes another one redundant.
    pub(crate) fn steps(&self, role: u16, resource: u16, action: u8) -> &[Step] {
        let role = usize::from(role);
        let Some(span) = self.roles.get(role) else { return &[] };
        let row = match span.of(&self.resources).binary_search(&resource) {
            Ok(at) => span.of(&self.rows).get(at),
            Err(_) => self.other.get(role),
        };
        let cell = row.and_then(|row| {
            let row = usize::try_from(*row).ok()?;
            self.cells.get(row * self.actions + usize::from(action))
        });
        let span = cell.and_then(|cell| self.spans.get(usize::try_from(*cell).ok()?));
        span.map_or(&[], |span| span.of(&self.steps))
    }

    /// Compiles the table; `None` when it would exceed [`MAX_STEPS`].
    pub(crate) fn compile(resolved: &Resolved) -> Option<Self> {
        Compiler::new(resolved).compile()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        (self.roles.capacity() + self.spans.capacity()) * size_of::<Span>()
            + (self.other.capacity() + self.rows.capacity() + self.cells.capacity())
                * size_of::<u32>()
            + self.resources.capacity() * size_of::<u16>()
            + self.steps.capacity() * size_of::<Step>()
    }
}

/// A grant that a role holds, with its position among them.
#[derive(Clone, Copy)]
struct HeldGrant<'r> {
    place: usize,
    index: u32,
    grant: &'r Grant,
}

struct Compiler<'r> {
    resolved: &'r Resolved,
    table: Table,
    known_rows: HashMap<Vec<u32>, u32>,
    known_cells: HashMap<Vec<Step>, u32>,
    /// The remaining part of [`MAX_STEPS`].
    budget: usize,
}

impl<'r> Compiler<'r> {
    fn new(resolved: &'r Resolved) -> Self {
        Self {
            resolved,
            table: Table { actions: resolved.actions.len(), ..Table::default() },
            known_rows: HashMap::new(),
            known_cells: HashMap::new(),
            budget: MAX_STEPS,
        }
    }

    fn compile(mut self) -> Option<Table> {
        let mut walk = Walk::over(&self.resolved.hierarchy);
        for role in self.resolved.roles.ids() {
            self.role(walk.from(role))?;
        }
        let mut table = self.table;
        table.resources.shrink_to_fit();
        table.rows.shrink_to_fit();
        table.cells.shrink_to_fit();
        table.steps.shrink_to_fit();
        Some(table)
    }

    /// `reach` contains the role and all its juniors, nearest first.
    fn role(&mut self, reach: &[u16]) -> Option<()> {
        self.spend(reach.len())?;
        let held = reach.iter().flat_map(|role| self.resolved.grants_of(*role));
        let held: Vec<_> = held
            .enumerate()
            .map(|(place, (index, grant))| HeldGrant { place, index, grant })
            .collect();
        let on_every: Vec<_> =
            held.iter().copied().filter(|held| held.grant.resources == Resources::Every).collect();
        let mut named = Vec::new();
        for held in held {
            if let Resources::These(resources) = &held.grant.resources {
                self.spend(resources.len())?;
                named.extend(resources.iter().map(|&resource| (resource, held)));
            }
        }
        named.sort_unstable_by_key(|(resource, held)| (*resource, held.place));

        let other = self.row(&on_every)?;
        let start = u32::try_from(self.table.rows.len()).ok()?;
        for on_one in named.chunk_by(|(a, _), (b, _)| a == b) {
            let mut grants: Vec<_> = on_one.iter().map(|(_, held)| *held).collect();
            grants.extend(&on_every);
            grants.sort_unstable_by_key(|held| held.place);
            let row = self.row(&grants)?;
            if row != other {
                self.table.resources.extend(on_one.first().map(|(resource, _)| *resource));
                self.table.rows.push(row);
            }
        }
        let end = u32::try_from(self.table.rows.len()).ok()?;
        self.table.roles.push(Span { start, end });
        self.table.other.push(other);
        Some(())
    }

    /// Returns the number of the row for these grants, in the order of their evaluation.
    fn row(&mut self, grants: &[HeldGrant<'_>]) -> Option<u32> {
        let mut cells = Vec::with_capacity(self.table.actions);
        for action in self.resolved.actions.ids() {
            self.spend(1 + grants.len())?;
            cells.push(self.cell(action_bit(action), grants)?);
        }
        if let Some(row) = self.known_rows.get(&cells) {
            return Some(*row);
        }
        let row = u32::try_from(self.known_rows.len()).ok()?;
        self.table.cells.extend(&cells);
        self.known_rows.insert(cells, row);
        Some(row)
    }

    fn cell(&mut self, action: u128, grants: &[HeldGrant<'_>]) -> Option<u32> {
        let mut steps: Vec<Step> = Vec::new();
        for HeldGrant { index, grant, .. } in grants {
            if self.resolved.covering.of(grant.actions) & action == 0 {
                continue;
            }
            let step = Step { grant: *index, conditions: grant.conditions };
            if step.conditions == 0 {
                steps = vec![step];
                break;
            }
            // A grant with all conditions of another grant is redundant.
            if !steps.iter().any(|other| other.conditions & !step.conditions == 0) {
                steps.retain(|other| step.conditions & !other.conditions != 0);
                steps.push(step);
            }
        }
        if let Some(cell) = self.known_cells.get(&steps) {
            return Some(*cell);
        }
        let cell = u32::try_from(self.known_cells.len()).ok()?;
        let start = u32::try_from(self.table.steps.len()).ok()?;
        self.table.steps.extend(&steps);
        let end = u32::try_from(self.table.steps.len()).ok()?;
        self.table.spans.push(Span { start, end });
        self.known_cells.insert(steps, cell);
        Some(cell)
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.budget = self.budget.checked_sub(steps)?;
        Some(())
    }
}
