//! View of a matrix: the part that one reader may see. Every export format writes it.

use std::collections::HashSet;
use std::fmt;

use crate::access::{Access, EffectiveGrant};
use crate::matrix::{ActionId, Matrix, ResourceId, RoleId};

/// The part of a matrix that one reader may see: see [`Matrix::visible_to`].
pub struct MatrixView<'a> {
    matrix: &'a Matrix,
    pub(super) roles: Vec<(&'a str, RoleId)>,
    shown: HashSet<&'a str>,
    pub(super) resources: Vec<(&'a str, ResourceId)>,
    pub(super) actions: Vec<(&'a str, ActionId)>,
}

impl fmt::Debug for MatrixView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatrixView").field("roles", &self.shown).finish_non_exhaustive()
    }
}

impl<'a> MatrixView<'a> {
    pub(super) fn of(matrix: &'a Matrix, visible: impl Fn(&str) -> bool) -> Self {
        let shown: HashSet<_> = matrix.roles().filter(|word| visible(word)).collect();
        let roles: Vec<_> = matrix
            .roles()
            .filter(|word| shown.contains(word))
            .filter_map(|word| matrix.role(word).map(|id| (word, id)))
            .collect();
        let resources =
            matrix.resources().filter_map(|word| matrix.resource(word).map(|id| (word, id)));
        let actions: Vec<_> =
            matrix.actions().filter_map(|word| matrix.action(word).map(|id| (word, id))).collect();
        let is_held = |resource: ResourceId, action: ActionId| {
            roles.iter().any(|(_, role)| matrix.has_grant(*role, resource, action))
        };
        let resources: Vec<_> = resources
            .filter(|(_, resource)| actions.iter().any(|(_, action)| is_held(*resource, *action)))
            .collect();
        let mut held_actions = actions.clone();
        held_actions.retain(|(_, action)| {
            resources.iter().any(|(_, resource)| is_held(*resource, *action))
        });
        Self { matrix, roles, shown, resources, actions: held_actions }
    }

    pub(super) fn access(
        &self,
        role: RoleId,
        resource: ResourceId,
        action: ActionId,
    ) -> Access<'a> {
        self.matrix.access(role, resource, action)
    }

    pub(super) fn juniors(&self, role: RoleId) -> Vec<&'a str> {
        self.matrix.juniors(role).filter(|word| self.shows(word)).collect()
    }

    pub(super) fn self_registration_role(&self) -> Option<&'a str> {
        self.matrix.self_registration_role().filter(|word| self.shows(word))
    }

    /// The role that has the grant, if the reader may see it.
    pub(super) fn origin(&self, grant: &EffectiveGrant<'a>) -> Option<&'a str> {
        Some(grant.from).filter(|word| self.shows(word))
    }

    fn shows(&self, role: &str) -> bool {
        self.shown.contains(role)
    }
}
