//! The active access matrix of this node, and the checks that keep a matrix from locking this
//! server up.

use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_access::{DecisionContext, Matrix};
use portcullis_domain::Role;

use crate::access::permission::{self, ACTIVATE_MATRIX, Permission};

/// The active matrix of this node.
#[derive(Debug)]
pub struct ActiveMatrix(ArcSwap<MatrixInForce>);

/// A matrix with its revision and version.
#[derive(Debug)]
pub struct MatrixInForce {
    /// The revision of its activation; 0 before any.
    pub revision: u64,
    /// The number of its version; 0 before any is stored.
    pub version: u32,
    /// The matrix.
    pub matrix: Matrix,
    /// Its most senior role; the first administrator gets it.
    pub admin: Role,
    /// The role of self-registered accounts.
    pub self_registration_role: Role,
}

impl MatrixInForce {
    pub(super) fn new(revision: u64, version: u32, matrix: Matrix) -> Result<Self, UnusableMatrix> {
        let word = |word: &str| Role::parse(word).ok();
        let senior =
            matrix.most_senior_role().and_then(word).ok_or(UnusableMatrix::NoMostSeniorRole)?;
        let registered =
            matrix.self_registration_role().ok_or(UnusableMatrix::NoSelfRegistrationRole)?;
        let junior = word(registered).filter(|role| *role != senior);
        let self_registration_role = junior.ok_or(UnusableMatrix::SelfRegistrationIsSenior)?;
        let in_force = Self { revision, version, matrix, admin: senior, self_registration_role };
        in_force.remains_open_to(&in_force.admin)?;
        Ok(in_force)
    }

    /// True if the role is the other one or inherits from it. A role that the matrix lacks is below
    /// the most senior role only, so that its accounts can be corrected.
    pub(crate) fn reaches(&self, role: &Role, other: &Role) -> bool {
        match (self.matrix.role(role.as_str()), self.matrix.role(other.as_str())) {
            (Some(role), Some(other)) => self.matrix.includes(role, other),
            (Some(_), None) => *role == self.admin,
            (None, _) => false,
        }
    }

    /// Refuses a matrix in which self-registered accounts could administer the server. Such a
    /// matrix must not be activated, but one from before this rule can be in force.
    pub(super) fn closed_to_strangers(self) -> Result<Self, UnusableMatrix> {
        let power = open_to_strangers(&self.matrix, &self.self_registration_role).next();
        power.map_or(Ok(self), Err)
    }

    /// Roles that may change the state of accounts, but not their roles or not end their sessions.
    /// These three were one permission in an earlier version, so an older matrix may have meant all
    /// of them.
    pub fn roles_of_state_alone(&self) -> Vec<&str> {
        let allows = |word: &str, permission| {
            Role::parse(word).is_ok_and(|role| self.allows(&role, permission))
        };
        let all = [permission::CHANGE_ROLE, permission::END_SESSIONS];
        self.matrix
            .roles()
            .filter(|role| allows(role, permission::CHANGE_STATE))
            .filter(|role| !all.iter().all(|permission| allows(role, *permission)))
            .collect()
    }

    /// True if the role has this permission of the server's own routes.
    pub fn allows(&self, role: &Role, permission: Permission) -> bool {
        allows(&self.matrix, role, permission)
    }

    /// Checks that accounts of the role could activate another matrix.
    pub(super) fn remains_open_to(&self, role: &Role) -> Result<(), UnusableMatrix> {
        let (resource, action) = ACTIVATE_MATRIX;
        if self.allows(role, ACTIVATE_MATRIX) {
            Ok(())
        } else {
            Err(UnusableMatrix::LocksOut { role: role.to_string(), action, resource })
        }
    }
}

fn allows(matrix: &Matrix, role: &Role, (resource, action): Permission) -> bool {
    matrix.decide_words(role.as_str(), resource, action, &DecisionContext::by("")).is_allowed()
}

/// The powers that the role of self-registered accounts would have over the server.
fn open_to_strangers(matrix: &Matrix, role: &Role) -> impl Iterator<Item = UnusableMatrix> {
    permission::ALL.into_iter().filter(|permission| allows(matrix, role, *permission)).map(
        |(resource, action)| UnusableMatrix::OpenToStrangers {
            role: role.to_string(),
            action,
            resource,
        },
    )
}

impl ActiveMatrix {
    /// Creates the state with a matrix that is not stored yet.
    pub fn new(matrix: Matrix) -> Result<Self, UnusableMatrix> {
        let matrix = MatrixInForce::new(0, 0, matrix)?.closed_to_strangers()?;
        Ok(Self(ArcSwap::from_pointee(matrix)))
    }

    /// Every reason for which the server would not activate the matrix; none if it would.
    pub fn objections(matrix: &Matrix) -> Vec<UnusableMatrix> {
        let registered = matrix.self_registration_role().and_then(|word| Role::parse(word).ok());
        let powers = registered.iter().flat_map(|role| open_to_strangers(matrix, role));
        let mut objections: Vec<_> = powers.collect();
        if matrix.most_senior_role().is_none() {
            objections.push(UnusableMatrix::NoMostSeniorRole);
        }
        if registered.is_none() {
            objections.push(UnusableMatrix::NoSelfRegistrationRole);
        }
        objections.extend(MatrixInForce::new(0, 0, matrix.clone()).err());
        objections.sort();
        objections.dedup();
        objections
    }

    /// The active matrix. A caller that decides several things together loads it once.
    pub fn load(&self) -> Arc<MatrixInForce> {
        self.0.load_full()
    }

    /// Replaces the matrix by a newer one. An older revision, from a slow reader, changes nothing.
    pub(super) fn advance(&self, next: MatrixInForce) {
        let next = Arc::new(next);
        self.0.rcu(|current| {
            Arc::clone(if next.revision > current.revision { &next } else { current })
        });
    }
}

/// The reason why a valid matrix would lock this server up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum UnusableMatrix {
    /// The first administrator would have no role.
    #[error("no role is senior to all others; the first administrator needs one")]
    NoMostSeniorRole,
    /// Self-registered accounts would have no role.
    #[error("the matrix names no `self_registration_role`; accounts that register need one")]
    NoSelfRegistrationRole,
    /// Every person could become administrator.
    #[error("the self-registration role is the most senior one")]
    SelfRegistrationIsSenior,
    /// A self-registered account could administer the server.
    #[error("the self-registration role {role} would be allowed to {action} {resource}")]
    OpenToStrangers {
        /// The self-registration role.
        role: String,
        /// The action that it may do.
        action: &'static str,
        /// The resource of that action.
        resource: &'static str,
    },
    /// No account could activate another matrix.
    #[error("the role {role} would no longer be allowed to {action} {resource}")]
    LocksOut {
        /// The role of the principal, or the most senior one.
        role: String,
        /// See [`ACTIVATE_MATRIX`].
        action: &'static str,
        /// See [`ACTIVATE_MATRIX`].
        resource: &'static str,
    },
}
