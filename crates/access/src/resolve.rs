//! Resolution of the words of a file to the numbers of a matrix; an undefined word is a fault.

use std::sync::Arc;

use crate::condition::{Condition, Conditions};
use crate::decision::MAX_CONDITIONS;
use crate::document::{Document, GrantEntry, LocatedWord, RoleEntry, WordsOrEvery};
use crate::fault::{Fault, FaultCode, MatrixFaults};
use crate::grant::{Actions, ConditionSet, Grant, Resources, WildcardActions, action_bit, bits};
use crate::hierarchy::Hierarchy;
use crate::soundness;
use crate::vocabulary::Vocabulary;

/// The maximum number of roles or resources of one matrix: ids have 16 bits, and one of them means
/// "unknown".
const MAX_WORDS: u16 = u16::MAX - 1;

/// The maximum number of actions of one matrix: the width of an
/// [`ActionSet`](crate::grant::ActionSet).
const MAX_ACTIONS: u16 = 128;

/// A file with resolved words and without faults, not yet compiled.
pub(crate) struct Resolved {
    pub(crate) roles: Vocabulary,
    pub(crate) resources: Vocabulary,
    pub(crate) actions: Vocabulary,
    /// The conditions that grants use, numbered by first use.
    pub(crate) conditions: Vec<Arc<dyn Condition>>,
    pub(crate) hierarchy: Hierarchy,
    /// In the order of the file, and so by role.
    pub(crate) grants: Vec<Grant>,
    pub(crate) covering: WildcardActions,
    pub(crate) self_registration_role: Option<u16>,
}

impl Resolved {
    /// The result may be used only when `faults` is empty afterwards.
    pub(crate) fn of(
        document: &Document<'_>,
        conditions: &Conditions,
        faults: &mut MatrixFaults,
    ) -> Self {
        let names: Vec<_> = document.roles.iter().map(|role| role.name.clone()).collect();
        let mut resolver = Resolver {
            roles: Vocabulary::of(&names, MAX_WORDS, "roles", faults),
            resources: Vocabulary::of(&document.resources, MAX_WORDS, "resources", faults),
            actions: Vocabulary::of(&document.actions, MAX_ACTIONS, "actions", faults),
            known: conditions,
            used: Vec::new(),
            faults,
        };
        let hierarchy = resolver.hierarchy(document);
        let grants = resolver.grants(document);
        let self_registration_role =
            document.self_registration_role.as_ref().and_then(|spot| resolver.role(spot));
        let Resolver { roles, resources, actions, used, .. } = resolver;
        let covering = WildcardActions::new(actions.len(), |word| actions.id(word));
        soundness::report_rings(&hierarchy, &roles, document, faults);
        soundness::report_roles_without_path(&hierarchy, document, faults);
        soundness::report_unreachable(&grants, covering, faults);
        Self {
            roles,
            resources,
            actions,
            conditions: used,
            hierarchy,
            grants,
            covering,
            self_registration_role,
        }
    }

    /// The grants of a role itself, with their numbers.
    pub(crate) fn grants_of(&self, role: u16) -> impl Iterator<Item = (u32, &Grant)> {
        let first = self.grants.partition_point(|grant| grant.role < role);
        let own = self.grants.iter().skip(first).take_while(move |grant| grant.role == role);
        (u32::try_from(first).unwrap_or(u32::MAX)..).zip(own)
    }

    pub(crate) fn grant(&self, number: u32) -> Option<&Grant> {
        self.grants.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn condition_words(&self, set: ConditionSet) -> Vec<&str> {
        let conditions = bits(set).filter_map(|bit| self.conditions.get(usize::from(bit)));
        conditions.map(|condition| condition.name()).collect()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let lists: usize = self.grants.iter().map(|grant| grant.resources.heap_bytes()).sum();
        self.roles.heap_bytes()
            + self.resources.heap_bytes()
            + self.actions.heap_bytes()
            + self.hierarchy.heap_bytes()
            + self.grants.capacity() * size_of::<Grant>()
            + lists
    }
}

struct Resolver<'a> {
    roles: Vocabulary,
    resources: Vocabulary,
    actions: Vocabulary,
    known: &'a Conditions,
    used: Vec<Arc<dyn Condition>>,
    faults: &'a mut MatrixFaults,
}

impl Resolver<'_> {
    fn hierarchy(&mut self, document: &Document<'_>) -> Hierarchy {
        let juniors = |role: &RoleEntry<'_>| {
            role.juniors.iter().filter_map(|junior| self.role(junior)).collect()
        };
        Hierarchy(document.roles.iter().map(juniors).collect())
    }

    fn grants(&mut self, document: &Document<'_>) -> Vec<Grant> {
        let mut grants = Vec::new();
        for (role, entry) in (0..MAX_WORDS).zip(&document.roles) {
            grants.extend(entry.grants.iter().filter_map(|grant| self.grant(role, grant)));
        }
        grants
    }

    /// Returns `None` when a word is unknown; all words are checked nevertheless.
    fn grant(&mut self, role: u16, entry: &GrantEntry<'_>) -> Option<Grant> {
        let resources = match &entry.resources {
            WordsOrEvery::Every => Some(Resources::Every),
            WordsOrEvery::Words(words) => self.resources(words),
        };
        let actions = match &entry.actions {
            WordsOrEvery::Every => Some(Actions::Every),
            WordsOrEvery::Words(words) => self.actions(words),
        };
        let conditions = self.conditions(&entry.when);
        let line = u32::try_from(entry.line).unwrap_or(u32::MAX);
        Some(Grant {
            role,
            resources: resources?,
            actions: actions?,
            conditions: conditions?,
            line,
        })
    }

    fn role(&mut self, spot: &LocatedWord<'_>) -> Option<u16> {
        let id = self.roles.id(&spot.word);
        self.known(id, spot, FaultCode::UnknownRole, "no table `[roles.…]` defines it")
    }

    fn resources(&mut self, spots: &[LocatedWord<'_>]) -> Option<Resources> {
        let mut ids = Vec::with_capacity(spots.len());
        for spot in spots {
            let id = self.resources.id(&spot.word);
            let known = "`resources` does not list it";
            ids.extend(self.known(id, spot, FaultCode::UnknownResource, known));
        }
        ids.sort_unstable();
        (!ids.is_empty() && ids.len() == spots.len()).then_some(Resources::These(ids))
    }

    fn actions(&mut self, spots: &[LocatedWord<'_>]) -> Option<Actions> {
        let mut set = Some(0);
        for spot in spots {
            let id = self.actions.id(&spot.word);
            let known = "`actions` does not list it";
            let id = self.known(id, spot, FaultCode::UnknownAction, known);
            set = set.zip(id).map(|(set, id)| set | action_bit(id));
        }
        set.filter(|set| *set != 0).map(Actions::These)
    }

    fn conditions(&mut self, spots: &[LocatedWord<'_>]) -> Option<ConditionSet> {
        let mut set = Some(0);
        for spot in spots {
            let bit = self.condition(spot);
            set = set.zip(bit).map(|(set, bit)| set | bit);
        }
        set
    }

    fn condition(&mut self, spot: &LocatedWord<'_>) -> Option<ConditionSet> {
        let number = self.used.iter().position(|used| used.name() == spot.word);
        let number = number.or_else(|| self.use_condition(spot))?;
        u32::try_from(number).ok().and_then(|number| ConditionSet::checked_shl(1, number))
    }

    /// Assigns the next number to a condition that no earlier grant names.
    fn use_condition(&mut self, spot: &LocatedWord<'_>) -> Option<usize> {
        let Some(condition) = self.known.find(&spot.word) else {
            let known = self.known.names().collect::<Vec<_>>().join(", ");
            let message = format!("unknown condition `{}`: there are {known}", spot.word);
            self.fault(FaultCode::UnknownCondition, spot, message);
            return None;
        };
        self.used.push(Arc::clone(condition));
        if self.used.len() == MAX_CONDITIONS + 1 {
            let message = format!("more than {MAX_CONDITIONS} different conditions");
            self.fault(FaultCode::TooLarge, spot, message);
        }
        Some(self.used.len() - 1)
    }

    fn known(
        &mut self,
        id: Option<u16>,
        spot: &LocatedWord<'_>,
        code: FaultCode,
        why: &str,
    ) -> Option<u16> {
        if id.is_none() {
            let kind = code.as_str().replace('_', " ");
            self.fault(code, spot, format!("{kind} `{}`: {why}", spot.word));
        }
        id
    }

    fn fault(&mut self, code: FaultCode, spot: &LocatedWord<'_>, message: String) {
        self.faults.push(Fault::new(code, spot.line, message));
    }
}
