//! The effective table, inheritance resolved, for people and programs.
//!
//! An export shows the roles that its reader may see, and of resources and actions those on which
//! one of these roles holds anything; where a right comes from is told only if that role is among
//! them. Words need no escaping in any of the formats.

mod csv;
mod json;
mod markdown;

use std::collections::HashSet;

use crate::access::{Access, Way};
use crate::matrix::{ActionId, Matrix, ResourceId, RoleId};

impl Matrix {
    /// The effective table as JSON, of the roles for which `visible` says yes.
    pub fn to_json(&self, visible: &dyn Fn(&str) -> bool) -> String {
        json::table(&View::of(self, visible)).to_string()
    }

    /// The effective table as CSV (RFC 4180), of the roles for which `visible` says yes.
    ///
    /// One line for each way in which a role comes to an action.
    pub fn to_csv(&self, visible: &dyn Fn(&str) -> bool) -> String {
        csv::Lines(&View::of(self, visible)).to_string()
    }

    /// The effective table as Markdown, of the roles for which `visible` says yes.
    pub fn to_markdown(&self, visible: &dyn Fn(&str) -> bool) -> String {
        markdown::Page(&View::of(self, visible)).to_string()
    }
}

/// What one reader may see.
struct View<'a> {
    matrix: &'a Matrix,
    roles: Vec<(&'a str, RoleId)>,
    shown: HashSet<&'a str>,
    resources: Vec<(&'a str, ResourceId)>,
    actions: Vec<(&'a str, ActionId)>,
}

impl<'a> View<'a> {
    fn of(matrix: &'a Matrix, visible: &dyn Fn(&str) -> bool) -> Self {
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

    fn access(&self, role: RoleId, resource: ResourceId, action: ActionId) -> Access<'a> {
        self.matrix.access(role, resource, action)
    }

    fn juniors(&self, role: RoleId) -> Vec<&'a str> {
        self.matrix.juniors(role).filter(|word| self.shows(word)).collect()
    }

    fn self_registration_role(&self) -> Option<&'a str> {
        Some(self.matrix.self_registration_role()).filter(|word| self.shows(word))
    }

    /// The role that a right comes from, if the reader may see it.
    fn origin(&self, way: &Way<'a>) -> Option<&'a str> {
        Some(way.from).filter(|word| self.shows(word))
    }

    fn shows(&self, role: &str) -> bool {
        self.shown.contains(role)
    }
}
