//! The default access matrix in the fastest form of each peer, and checks for all of them.

mod casbin;
mod cedar;

use std::collections::BTreeMap;

use portcullis_access::{ActionId, DecisionContext, Matrix, ResourceId, RoleId};

pub use crate::casbin::Casbin;
pub use crate::cedar::Cedar;

/// One check, by words.
pub struct Question<'a> {
    pub role: &'a str,
    pub resource: &'a str,
    pub action: &'a str,
    pub asked: DecisionContext<'static>,
}

impl Question<'_> {
    /// The same check, by ids.
    pub fn ids(&self, matrix: &Matrix) -> (RoleId, ResourceId, ActionId, DecisionContext<'static>) {
        (
            matrix.role(self.role).unwrap(),
            matrix.resource(self.resource).unwrap(),
            matrix.action(self.action).unwrap(),
            self.asked,
        )
    }
}

/// The checks: every cell in four contexts.
pub fn questions(matrix: &Matrix) -> Vec<Question<'_>> {
    let contexts = [
        DecisionContext::by("ann"),
        DecisionContext::by("ann").owned_by("ann"),
        DecisionContext::by("ann").owned_by("ben").between(&["ann", "ben"]),
        DecisionContext::by("ann").owned_by("ben").between(&["ben", "eve"]),
    ];
    let mut questions = Vec::new();
    for role in matrix.roles() {
        for resource in matrix.resources() {
            for action in matrix.actions() {
                questions.extend(contexts.map(|asked| Question { role, resource, action, asked }));
            }
        }
    }
    questions
}

/// A direct grant of a role.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant<'a> {
    pub role: &'a str,
    pub resource: &'a str,
    pub when: Vec<&'a str>,
}

/// The direct grants with their actions. The grant of `*` on `*` is not expanded.
pub fn grants(matrix: &Matrix) -> BTreeMap<Grant<'_>, Vec<&str>> {
    let mut grants: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for role in matrix.roles().filter(|role| *role != "admin") {
        for resource in matrix.resources() {
            for action in matrix.actions() {
                let ids = (matrix.role(role), matrix.resource(resource), matrix.action(action));
                let access = matrix.access(ids.0.unwrap(), ids.1.unwrap(), ids.2.unwrap());
                for grant in access.grants.into_iter().filter(|grant| grant.from == role) {
                    let grant = Grant { role, resource, when: grant.when };
                    grants.entry(grant).or_default().push(action);
                }
            }
        }
    }
    grants.insert(Grant { role: "admin", resource: "*", when: vec![] }, vec!["*"]);
    grants
}
