//! Coverage: the cells of earlier grants, to find what a further grant adds.

use std::collections::HashMap;

use crate::grant::{ActionSet, ConditionSet, Grant, Resources};

/// The covered actions for each set of conditions, by resource; `None` stands for every resource.
#[derive(Default)]
pub(crate) struct Coverage(HashMap<Option<u16>, Vec<(ConditionSet, ActionSet)>>);

impl Coverage {
    /// Adds a grant; `actions` are the actions that it covers.
    pub(crate) fn add(&mut self, grant: &Grant, actions: ActionSet) {
        for resource in resources(grant) {
            let covered = self.0.entry(resource).or_default();
            match covered.iter_mut().find(|(conditions, _)| *conditions == grant.conditions) {
                Some((_, set)) => *set |= actions,
                None => covered.push((grant.conditions, actions)),
            }
        }
    }

    /// Returns whether the grant adds nothing: in every case an earlier grant holds too.
    pub(crate) fn includes(&self, grant: &Grant, actions: ActionSet) -> bool {
        resources(grant).all(|resource| {
            let everywhere = resource.and(self.0.get(&None));
            let covered = self.0.get(&resource).into_iter().chain(everywhere).flatten();
            let held = covered
                .filter(|(conditions, _)| conditions & !grant.conditions == 0)
                .fold(0, |held, (_, set)| held | set);
            actions & !held == 0
        })
    }
}

fn resources(grant: &Grant) -> impl Iterator<Item = Option<u16>> {
    let (every, these) = match &grant.resources {
        Resources::Every => (Some(None), [].as_slice()),
        Resources::These(these) => (None, these.as_slice()),
    };
    every.into_iter().chain(these.iter().copied().map(Some))
}
