//! The access matrix: parsed once, then shared for decisions.

use std::fmt;
use std::sync::Arc;

use crate::access::{Access, EffectiveGrant};
use crate::condition::{ConditionResult, Conditions, DecisionContext};
use crate::decision::{ConditionResults, Decision, UNKNOWN, UNKNOWN_ACTION};
use crate::document::Document;
use crate::fault::{Fault, FaultCode, MatrixFaults};
use crate::grant::{ConditionSet, bits};
use crate::resolve::Resolved;
use crate::table::{MAX_STEPS, Step, Table};

/// The checked and compiled access matrix.
///
/// A clone shares the compiled form.
#[derive(Clone)]
pub struct Matrix(Arc<Compiled>);

/// The id of a role in one matrix; it is meaningless for another matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoleId(u16);

/// The id of a resource in one matrix; it is meaningless for another matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResourceId(u16);

/// The id of an action in one matrix; it is meaningless for another matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActionId(u8);

impl Matrix {
    /// Parses a matrix file that uses only the built-in conditions `own`, `party` and `not_own`.
    ///
    /// An error contains every fault, not only the first. A file that is not TOML, or larger than 4
    /// MiB, is not checked further.
    pub fn parse(text: &str) -> Result<Self, MatrixFaults> {
        Self::parse_with(text, &Conditions::default())
    }

    /// Parses a matrix file that may use `conditions`.
    pub fn parse_with(text: &str, conditions: &Conditions) -> Result<Self, MatrixFaults> {
        let mut faults = MatrixFaults::default();
        let document = Document::read(text, &mut faults);
        let resolved = document.map(|document| Resolved::of(&document, conditions, &mut faults));
        let (Some(resolved), true) = (resolved, faults.is_empty()) else {
            return Err(faults.in_order());
        };
        let Some(table) = Table::compile(&resolved) else {
            let message = format!(
                "with all it inherits the matrix has more than {MAX_STEPS} cells: use `*`, or \
                 fewer levels of roles"
            );
            faults.push(Fault::new(FaultCode::TooLarge, 1, message));
            return Err(faults);
        };
        Ok(Self(Arc::new(Compiled { resolved, table })))
    }

    /// The id of a role.
    pub fn role(&self, word: &str) -> Option<RoleId> {
        self.resolved().roles.id(word).map(RoleId)
    }

    /// The id of a resource.
    pub fn resource(&self, word: &str) -> Option<ResourceId> {
        self.resolved().resources.id(word).map(ResourceId)
    }

    /// The id of an action.
    pub fn action(&self, word: &str) -> Option<ActionId> {
        let id = self.resolved().actions.id(word)?;
        u8::try_from(id).ok().map(ActionId)
    }

    /// Decides whether `role` may do `action` on `resource`. Allocates nothing.
    pub fn decide(
        &self,
        role: RoleId,
        resource: ResourceId,
        action: ActionId,
        context: &DecisionContext<'_>,
    ) -> Decision {
        let results = ConditionResults::default();
        let (role, resource, action) = (role.0, resource.0, action.0);
        let mut decision = Decision { role, resource, action, allowed: false, results };
        for step in self.0.table.steps(role, resource, action) {
            if self.all_hold(step.conditions, context, &mut decision.results) {
                decision.allowed = true;
                break;
            }
        }
        decision
    }

    /// As [`Self::decide`], by words. An unknown word is denied with this reason.
    pub fn decide_words(
        &self,
        role: &str,
        resource: &str,
        action: &str,
        context: &DecisionContext<'_>,
    ) -> Decision {
        match (self.role(role), self.resource(resource), self.action(action)) {
            (Some(role), Some(resource), Some(action)) => {
                self.decide(role, resource, action, context)
            }
            (role, resource, action) => Decision {
                role: role.map_or(UNKNOWN, |id| id.0),
                resource: resource.map_or(UNKNOWN, |id| id.0),
                action: action.map_or(UNKNOWN_ACTION, |id| id.0),
                allowed: false,
                results: ConditionResults::default(),
            },
        }
    }

    /// The role of a self-registered account; `None` without self-registration.
    pub fn self_registration_role(&self) -> Option<&str> {
        let resolved = self.resolved();
        resolved.roles.word(resolved.self_registration_role?)
    }

    /// The role that inherits from every other role, if there is one.
    pub fn most_senior_role(&self) -> Option<&str> {
        let resolved = self.resolved();
        // Only a role without a senior can be it, and only if there is exactly one such role.
        let mut is_junior = vec![false; resolved.roles.len()];
        for junior in resolved.hierarchy.0.iter().flatten() {
            if let Some(is_junior) = is_junior.get_mut(usize::from(*junior)) {
                *is_junior = true;
            }
        }
        let mut tops = resolved.roles.words().zip(is_junior).filter(|(_, is_junior)| !is_junior);
        tops.next().filter(|_| tops.next().is_none()).map(|(word, _)| word)
    }

    /// Returns whether `role` is `other` or inherits from it, directly or indirectly.
    pub fn includes(&self, role: RoleId, other: RoleId) -> bool {
        self.resolved().hierarchy.path(role.0, other.0).is_some()
    }

    /// All roles, in the order of the file.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.resolved().roles.words()
    }

    /// All resources, in the order of the file.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &str> {
        self.resolved().resources.words()
    }

    /// All actions, in the order of the file.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.resolved().actions.words()
    }

    /// The direct juniors of a role, in the order of the file.
    pub fn juniors(&self, role: RoleId) -> impl Iterator<Item = &str> {
        let resolved = self.resolved();
        resolved.hierarchy.juniors(role.0).iter().filter_map(|&junior| resolved.roles.word(junior))
    }

    /// One cell of the effective table: all grants that give the role this action.
    pub fn access(&self, role: RoleId, resource: ResourceId, action: ActionId) -> Access<'_> {
        let resolved = self.resolved();
        let steps = self.0.table.steps(role.0, resource.0, action.0);
        let grant = |step: &Step| {
            let grant = resolved.grant(step.grant)?;
            let mut when = resolved.condition_words(step.conditions);
            when.sort_unstable();
            Some(EffectiveGrant { when, from: resolved.roles.word(grant.role)?, line: grant.line })
        };
        Access { grants: steps.iter().filter_map(grant).collect() }
    }

    /// Returns whether a grant, with any conditions, gives the role this action.
    pub(crate) fn has_grant(&self, role: RoleId, resource: ResourceId, action: ActionId) -> bool {
        !self.steps(role.0, resource.0, action.0).is_empty()
    }

    /// The approximate heap memory of the compiled form in bytes.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Compiled>() + self.resolved().heap_bytes() + self.0.table.heap_bytes()
    }

    pub(crate) fn resolved(&self) -> &Resolved {
        &self.0.resolved
    }

    pub(crate) fn steps(&self, role: u16, resource: u16, action: u8) -> &[Step] {
        self.0.table.steps(role, resource, action)
    }

    /// Evaluates each condition at most once in a decision, and none after one that is not met.
    fn all_hold(
        &self,
        set: ConditionSet,
        context: &DecisionContext<'_>,
        results: &mut ConditionResults,
    ) -> bool {
        bits(set).all(|bit| {
            let result = results.of(bit).unwrap_or_else(|| {
                let condition = self.resolved().conditions.get(usize::from(bit));
                let result =
                    condition.map_or(ConditionResult::Fails, |condition| condition.holds(context));
                results.record(bit, result);
                result
            });
            result == ConditionResult::Holds
        })
    }
}

struct Compiled {
    resolved: Resolved,
    table: Table,
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resolved { roles, resources, actions, grants, .. } = self.resolved();
        f.debug_struct("Matrix")
            .field("roles", &roles.len())
            .field("resources", &resources.len())
            .field("actions", &actions.len())
            .field("grants", &grants.len())
            .finish()
    }
}
