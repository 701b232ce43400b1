use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_access::{Asked, Matrix};
use portcullis_domain::Role;

use crate::access::permission::{self, ACTIVATE_MATRIX, Permission};

/// The matrix that decides, on this node, now.
#[derive(Debug)]
pub struct ActiveMatrix(ArcSwap<MatrixInForce>);

/// A matrix with its place in history.
#[derive(Debug)]
pub struct MatrixInForce {
    /// Which activation put it in force; 0 before any.
    pub revision: u64,
    /// Which version it is; 0 before any is stored.
    pub version: u32,
    /// The matrix.
    pub matrix: Matrix,
    /// Its most senior role, which the first administrator gets.
    pub admin: Role,
    /// The role of accounts that people create for themselves.
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

    /// Refuses what must not come into force, although a version from before there was such a rule
    /// may be: accounts that anybody can make for themselves are kept from running the server.
    pub(super) fn closed_to_strangers(self) -> Result<Self, UnusableMatrix> {
        let role = &self.self_registration_role;
        for (resource, action) in permission::ALL {
            if self.allows(role, (resource, action)) {
                return Err(UnusableMatrix::OpenToStrangers {
                    role: role.to_string(),
                    action,
                    resource,
                });
            }
        }
        Ok(self)
    }

    /// Roles that may change the state of accounts, but not their roles or not end their sessions.
    /// All three were one permission once, so whoever wrote such a matrix may have meant them all.
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

    /// Whether the role has one of the server's own permissions.
    pub(crate) fn allows(&self, role: &Role, (resource, action): Permission) -> bool {
        self.matrix.decide_words(role.as_str(), resource, action, &Asked::by("")).is_allowed()
    }

    /// Whether accounts of the role could put another matrix in force.
    pub(super) fn remains_open_to(&self, role: &Role) -> Result<(), UnusableMatrix> {
        let (resource, action) = ACTIVATE_MATRIX;
        if self.allows(role, ACTIVATE_MATRIX) {
            Ok(())
        } else {
            Err(UnusableMatrix::LocksOut { role: role.to_string(), action, resource })
        }
    }
}

impl ActiveMatrix {
    /// Begins with a matrix that is not stored yet.
    pub fn new(matrix: Matrix) -> Result<Self, UnusableMatrix> {
        let matrix = MatrixInForce::new(0, 0, matrix)?.closed_to_strangers()?;
        Ok(Self(ArcSwap::from_pointee(matrix)))
    }

    /// The matrix in force. Whoever decides several things together loads it once.
    pub fn load(&self) -> Arc<MatrixInForce> {
        self.0.load_full()
    }

    /// Never goes back: a slow reader of an older revision changes nothing.
    pub(super) fn advance(&self, next: MatrixInForce) {
        let next = Arc::new(next);
        self.0.rcu(|current| {
            Arc::clone(if next.revision > current.revision { &next } else { current })
        });
    }
}

/// Why a matrix that is in order would lock this server up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableMatrix {
    /// The first administrator would have no role.
    #[error("no role is senior to all others; the first administrator needs one")]
    NoMostSeniorRole,
    /// Accounts that people create for themselves would have no role.
    #[error("the matrix names no `self_registration_role`; accounts that register need one")]
    NoSelfRegistrationRole,
    /// Everybody could make themselves administrator.
    #[error("the self-registration role is the most senior one")]
    SelfRegistrationIsSenior,
    /// Whoever registers could run the server.
    #[error("the self-registration role {role} would be allowed to {action} {resource}")]
    OpenToStrangers {
        /// The self-registration role.
        role: String,
        /// What it may do.
        action: &'static str,
        /// To what.
        resource: &'static str,
    },
    /// Nobody could put it right again.
    #[error("the role {role} would no longer be allowed to {action} {resource}")]
    LocksOut {
        /// The role of whoever activates, or the most senior one.
        role: String,
        /// See [`ACTIVATE_MATRIX`].
        action: &'static str,
        /// See [`ACTIVATE_MATRIX`].
        resource: &'static str,
    },
}
