//! Explanation of a decision, for the log and for auditors.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::condition::ConditionResult;
use crate::decision::Decision;
use crate::grant::{Actions, Grant, Resources, action_bit, bits};
use crate::matrix::Matrix;
use crate::table::Step;
use crate::word::{EVERY, MANAGE};

/// The complete reason of one decision.
///
/// It prints as one line for the log and serialises as one JSON object for auditors. It is not for
/// the refused caller, because it would help an attacker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation<'a> {
    /// True if the action is allowed.
    pub allowed: bool,
    /// The role of the question; `None` when the matrix does not contain it.
    pub role: Option<&'a str>,
    /// The resource of the question; `None` when the matrix does not contain it.
    pub resource: Option<&'a str>,
    /// The action of the question; `None` when the matrix does not contain it.
    pub action: Option<&'a str>,
    /// The reason.
    #[serde(flatten)]
    pub reason: Reason<'a>,
}

/// The reason of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason<'a> {
    /// A grant whose conditions all hold.
    Granted {
        /// The grant.
        rule: Rule<'a>,
        /// The roles from the role of the question down to the role that has the grant.
        path: Vec<&'a str>,
    },
    /// There are grants, but each has a condition that is not met.
    ConditionsUnmet {
        /// One entry for each of these grants, nearest role first.
        unmet: Vec<UnmetGrant<'a>>,
    },
    /// Neither the role nor any of its juniors has a grant.
    NoGrant,
    /// The matrix has no such role.
    UnknownRole,
    /// The matrix has no such resource.
    UnknownResource,
    /// The matrix has no such action.
    UnknownAction,
}

/// A grant of the matrix file, as applied to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule<'a> {
    /// The role that has the grant.
    pub role: &'a str,
    /// The resource as written: the one of the question, or `*`.
    pub resource: &'a str,
    /// The action as written: the one of the question, `manage`, or `*`.
    pub action: &'a str,
    /// The conditions, which must all hold; empty for an unconditional grant.
    pub conditions: Vec<&'a str>,
    /// The line of the grant in the file, counted from 1.
    pub line: u32,
}

/// A grant that did not apply, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnmetGrant<'a> {
    /// The grant.
    pub rule: Rule<'a>,
    /// The roles from the role of the question down to the role that has the grant.
    pub path: Vec<&'a str>,
    /// The first of its conditions that is not met.
    pub condition: &'a str,
    /// [`ConditionResult::Fails`] or [`ConditionResult::MissingContext`].
    #[serde(rename = "verdict")]
    pub result: ConditionResult,
    /// The context that the condition reads, as in "an owner".
    pub needs: &'static str,
}

impl Matrix {
    /// Explains a decision that this matrix made.
    pub fn explain(&self, decision: &Decision) -> Explanation<'_> {
        Explanation::of(*decision, self)
    }
}

impl<'a> Explanation<'a> {
    /// Repeats the evaluation of the grants with the stored condition results.
    fn of(decision: Decision, matrix: &'a Matrix) -> Self {
        let resolved = matrix.resolved();
        let role = resolved.roles.word(decision.role);
        let resource = resolved.resources.word(decision.resource);
        let action = resolved.actions.word(decision.action.into());
        let reason = match (role, resource, action) {
            (None, _, _) => Reason::UnknownRole,
            (_, None, _) => Reason::UnknownResource,
            (_, _, None) => Reason::UnknownAction,
            (Some(_), Some(resource), Some(action)) => {
                Question { matrix, decision, resource, action }.reason()
            }
        };
        Self { allowed: decision.allowed, role, resource, action, reason }
    }
}

struct Question<'a> {
    matrix: &'a Matrix,
    decision: Decision,
    resource: &'a str,
    action: &'a str,
}

impl<'a> Question<'a> {
    fn reason(&self) -> Reason<'a> {
        let Decision { role, resource, action, .. } = self.decision;
        let mut unmet = Vec::new();
        for step in self.matrix.steps(role, resource, action) {
            let Some(grant) = self.matrix.resolved().grant(step.grant) else { continue };
            match self.unmet(*step, grant) {
                Some(one) => unmet.push(one),
                None => return Reason::Granted { rule: self.rule(grant), path: self.path(grant) },
            }
        }
        if unmet.is_empty() { Reason::NoGrant } else { Reason::ConditionsUnmet { unmet } }
    }

    /// Returns the first condition of the grant that is not met.
    fn unmet(&self, step: Step, grant: &'a Grant) -> Option<UnmetGrant<'a>> {
        bits(step.conditions).find_map(|bit| {
            let result = self.decision.results.of(bit)?;
            let condition = self.matrix.resolved().conditions.get(usize::from(bit))?;
            (result != ConditionResult::Holds).then(|| UnmetGrant {
                rule: self.rule(grant),
                path: self.path(grant),
                condition: condition.name(),
                result,
                needs: condition.needs(),
            })
        })
    }

    fn rule(&self, grant: &Grant) -> Rule<'a> {
        let resolved = self.matrix.resolved();
        let resource = match grant.resources {
            Resources::Every => EVERY,
            Resources::These(_) => self.resource,
        };
        let action = match grant.actions {
            Actions::Every => EVERY,
            Actions::These(set) if set & action_bit(self.decision.action.into()) != 0 => {
                self.action
            }
            Actions::These(_) => MANAGE,
        };
        let role = resolved.roles.word(grant.role).unwrap_or_default();
        let conditions = resolved.condition_words(grant.conditions);
        Rule { role, resource, action, conditions, line: grant.line }
    }

    fn path(&self, grant: &Grant) -> Vec<&'a str> {
        let resolved = self.matrix.resolved();
        let path = resolved.hierarchy.path(self.decision.role, grant.role).unwrap_or_default();
        path.into_iter().filter_map(|role| resolved.roles.word(role)).collect()
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted { rule, path } => {
                write!(f, "granted by {rule} (line {})", rule.line)?;
                write_path(path, f)
            }
            Self::ConditionsUnmet { unmet } => {
                f.write_str("denied: ")?;
                for (index, one) in unmet.iter().enumerate() {
                    if index > 0 {
                        f.write_str("; ")?;
                    }
                    one.fmt(f)?;
                }
                Ok(())
            }
            Self::NoGrant => f.write_str("denied: no grant"),
            Self::UnknownRole => f.write_str("denied: unknown role"),
            Self::UnknownResource => f.write_str("denied: unknown resource"),
            Self::UnknownAction => f.write_str("denied: unknown action"),
        }
    }
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.role, self.resource, self.action)?;
        if !self.conditions.is_empty() {
            write!(f, " [{}]", self.conditions.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for UnmetGrant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, condition, .. } = self;
        match self.result {
            ConditionResult::MissingContext => write!(f, "{condition} needs {}", self.needs)?,
            _ => write!(f, "{condition} does not hold")?,
        }
        write!(f, " (rule {rule}, line {}", rule.line)?;
        write_path(&self.path, f)?;
        f.write_str(")")
    }
}

/// Writes the path of inheritance to the grant, unless the role has the grant itself.
fn write_path(path: &[&str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if path.len() > 1 { write!(f, " via {}", path.join(" > ")) } else { Ok(()) }
}

impl Serialize for ConditionResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::MissingContext => "missing_context",
        })
    }
}
