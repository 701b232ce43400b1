use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_access::{Asked, Matrix};
use portcullis_domain::Role;

use crate::decision::ON_BEHALF;

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
    pub(super) fn new(revision: u64, version: u32, matrix: Matrix) -> Result<Self, Unfit> {
        let word = |word: &str| Role::parse(word).ok();
        let senior = matrix.most_senior_role().and_then(word).ok_or(Unfit::NoMostSeniorRole)?;
        let junior = word(matrix.self_registration_role()).filter(|role| *role != senior);
        let self_registration_role = junior.ok_or(Unfit::SelfRegistrationIsSenior)?;
        let in_force = Self { revision, version, matrix, admin: senior, self_registration_role };
        in_force.remains_open_to(&in_force.admin)?;
        in_force.remains_closed_to_strangers()?;
        Ok(in_force)
    }

    /// Whether accounts that anybody can make for themselves are kept from running the server.
    fn remains_closed_to_strangers(&self) -> Result<(), Unfit> {
        let role = &self.self_registration_role;
        for (resource, action) in NOT_FOR_STRANGERS {
            if self.allows(role, resource, action) {
                return Err(Unfit::OpenToStrangers { role: role.to_string(), action, resource });
            }
        }
        Ok(())
    }

    fn allows(&self, role: &Role, resource: &str, action: &str) -> bool {
        self.matrix.decide_words(role.as_str(), resource, action, &Asked::by("")).is_allowed()
    }

    /// Whether accounts of the role could put another matrix in force.
    pub(super) fn remains_open_to(&self, role: &Role) -> Result<(), Unfit> {
        let (resource, action) = MAY_ACTIVATE;
        if self.allows(role, resource, action) {
            Ok(())
        } else {
            Err(Unfit::LocksOut { role: role.to_string(), action, resource })
        }
    }
}

impl ActiveMatrix {
    /// Begins with a matrix that is not stored yet.
    pub fn new(matrix: Matrix) -> Result<Self, Unfit> {
        Ok(Self(ArcSwap::from_pointee(MatrixInForce::new(0, 0, matrix)?)))
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
pub enum Unfit {
    /// The first administrator would have no role.
    #[error("no role is senior to all others; the first administrator needs one")]
    NoMostSeniorRole,
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
        /// See [`MAY_ACTIVATE`].
        action: &'static str,
        /// See [`MAY_ACTIVATE`].
        resource: &'static str,
    },
}

/// The resource and action that allow to put a matrix in force.
pub const MAY_ACTIVATE: (&str, &str) = ("settings", "update");

/// What lets an account change the rules, read the trail, or ask for others.
const NOT_FOR_STRANGERS: [(&str, &str); 4] =
    [MAY_ACTIVATE, ("audit_log", "read"), ("audit_log", "export"), ON_BEHALF];
