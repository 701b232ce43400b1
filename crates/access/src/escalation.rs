//! Escalation check: a matrix must not grant more than the role that activates it has.
//!
//! A role cannot give a right that it does not have: neither to itself, nor to a role that it can
//! reach, nor to any other role, which could give the right back. Rights that a role has already,
//! and rights that the most senior role gains, do not count. A role also cannot rise above roles
//! that are not junior to the activating role, because a senior role decides about the accounts of
//! its juniors.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::access::Access;
use crate::hierarchy::Walk;
use crate::matrix::Matrix;

/// The first violation that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Escalation {
    /// A role would gain a right that neither it nor the activating role has now.
    Grant {
        /// The role.
        role: String,
        /// The resource.
        resource: String,
        /// The action.
        action: String,
    },
    /// Self-registered accounts would get a role with more rights than the activating role has.
    SelfRegistration {
        /// The role.
        role: String,
    },
    /// A role would become senior to a role that is not junior to the activating role.
    Seniority {
        /// The role that would become senior.
        senior: String,
        /// The role that would become its junior.
        junior: String,
    },
    /// Another role would be the most senior one.
    MostSenior,
}

impl fmt::Display for Escalation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant { role, resource, action } => {
                write!(f, "{role} would be allowed to {action} {resource}")
            }
            Self::SelfRegistration { role } => {
                write!(f, "accounts that people create for themselves would get the role {role}")
            }
            Self::Seniority { senior, junior } => {
                write!(f, "{senior} would become senior to {junior}")
            }
            Self::MostSenior => f.write_str("another role would be the most senior one"),
        }
    }
}

impl Matrix {
    /// Checks whether an account with this role may activate `candidate` in place of this matrix.
    /// The most senior role may activate any matrix.
    pub fn escalation(&self, role: &str, candidate: &Self) -> Option<Escalation> {
        let admin = self.most_senior_role();
        if admin == Some(role) {
            return None;
        }
        if candidate.most_senior_role() != admin {
            return Some(Escalation::MostSenior);
        }
        let comparison = Comparison { before: self, after: candidate, giver: role };
        comparison
            .grant(admin)
            .or_else(|| comparison.self_registration())
            .or_else(|| comparison.seniority(admin))
    }
}

struct Comparison<'m> {
    before: &'m Matrix,
    after: &'m Matrix,
    /// The activating role.
    giver: &'m str,
}

impl Comparison<'_> {
    fn grant(&self, admin: Option<&str>) -> Option<Escalation> {
        self.after.roles().filter(|role| Some(*role) != admin).find_map(|role| {
            let (resource, action) = self.gain(role, role)?;
            Some(Escalation::Grant { role: role.to_owned(), resource, action })
        })
    }

    /// Finds a cell in which `role` would have a right that neither the giver nor `keeper` has now.
    fn gain(&self, role: &str, keeper: &str) -> Option<(String, String)> {
        let strangers = self.before.self_registration_role();
        for resource in self.after.resources() {
            for action in self.after.actions() {
                let after = cell(self.after, role, resource, action);
                // The giver can register an account of the self-registration role at any time.
                let given = [Some(keeper), Some(self.giver), strangers]
                    .map(|role| role.map(|role| cell(self.before, role, resource, action)));
                if !after
                    .grants
                    .iter()
                    .all(|grant| given.iter().flatten().any(|had| had.covers(&grant.when)))
                {
                    return Some((resource.to_owned(), action.to_owned()));
                }
            }
        }
        None
    }

    /// A changed self-registration role can be reached immediately, whatever it had before.
    fn self_registration(&self) -> Option<Escalation> {
        let role = self.after.self_registration_role()?;
        if Some(role) == self.before.self_registration_role() {
            return None;
        }
        let gained = self.gain(role, self.giver);
        gained.map(|_| Escalation::SelfRegistration { role: role.to_owned() })
    }

    /// Finds a role that becomes senior to another existing role that is not junior to the giver.
    fn seniority(&self, admin: Option<&str>) -> Option<Escalation> {
        let (before, after) = (below(self.before), below(self.after));
        let nothing = HashSet::new();
        let of_giver = before.get(self.giver).unwrap_or(&nothing);
        for senior in self.after.roles().filter(|role| Some(*role) != admin) {
            let had = before.get(senior).unwrap_or(&nothing);
            let gained = after.get(senior).into_iter().flatten().find(|&&junior| {
                junior != senior
                    && before.contains_key(junior)
                    && !had.contains(junior)
                    && !of_giver.contains(junior)
            });
            if let Some(junior) = gained {
                let (senior, junior) = (senior.to_owned(), (*junior).to_owned());
                return Some(Escalation::Seniority { senior, junior });
            }
        }
        None
    }
}

impl Access<'_> {
    /// Returns whether it holds in every case in which all these conditions hold.
    fn covers(&self, when: &[&str]) -> bool {
        self.grants.iter().any(|grant| grant.when.iter().all(|condition| when.contains(condition)))
    }
}

fn cell<'m>(matrix: &'m Matrix, role: &str, resource: &str, action: &str) -> Access<'m> {
    match (matrix.role(role), matrix.resource(resource), matrix.action(action)) {
        (Some(role), Some(resource), Some(action)) => matrix.access(role, resource, action),
        _ => Access::default(),
    }
}

/// Each role with all roles from which it inherits, itself included.
fn below(matrix: &Matrix) -> HashMap<&str, HashSet<&str>> {
    let resolved = matrix.resolved();
    let mut walk = Walk::over(&resolved.hierarchy);
    let word = |id: &u16| resolved.roles.word(*id);
    let one = |id| Some((word(&id)?, walk.from(id).iter().filter_map(word).collect()));
    resolved.hierarchy.ids().filter_map(one).collect()
}
