//! Scopes: the part of its owner's access that a key of a program may use.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::Matrix;
use crate::word::{EVERY, MANAGE, MANAGED, is_word};

/// A scope: pairs of resource and action, of which each allows that action on that resource.
///
/// A scope grants nothing. A program may do what both its scope and the role of its owner allow, so it
/// loses at once what the owner loses. The wildcard `*` stands for every resource or every action, and
/// `manage` also covers create, read, update and delete, as in a matrix.
///
/// ```
/// use portcullis_access::Scope;
///
/// let scope = Scope::parse(["schedule:read", "absence:manage"])?;
/// assert!(scope.covers("absence", "delete"));
/// assert!(!scope.covers("schedule", "delete"));
/// # Ok::<(), portcullis_access::ScopeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    items: BTreeSet<ScopeItem>,
}

/// One pair of resource and action. It prints as `resource:action`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeItem {
    resource: String,
    action: String,
}

/// The reason why a text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A part is not of the form `resource:action`.
    #[error("must have the form resource:action, each a word of the matrix or *")]
    Malformed,
    /// The scope has no pair.
    #[error("must have at least one pair of resource and action")]
    Empty,
    /// The scope has more than [`Scope::MAX_ITEMS`] pairs.
    #[error("must have at most 100 pairs of resource and action")]
    TooLong,
}

impl ScopeError {
    /// The stable code for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Empty => "too_short",
            Self::TooLong => "too_long",
        }
    }
}

impl Scope {
    /// The maximum number of pairs.
    pub const MAX_ITEMS: usize = 100;

    /// Reads a list of pairs, each as `resource:action`.
    ///
    /// # Errors
    ///
    /// If a pair is malformed, or the list is empty or too long.
    pub fn parse<'t>(pairs: impl IntoIterator<Item = &'t str>) -> Result<Self, ScopeError> {
        let mut items = BTreeSet::new();
        for (place, pair) in pairs.into_iter().enumerate() {
            if place == Self::MAX_ITEMS {
                return Err(ScopeError::TooLong);
            }
            items.insert(pair.parse()?);
        }
        if items.is_empty() { Err(ScopeError::Empty) } else { Ok(Self { items }) }
    }

    /// Returns whether the scope has this pair itself, not by a wildcard or `manage`: for what no matrix
    /// lists, so that `*:*` does not reach beyond the matrix.
    pub fn names(&self, resource: &str, action: &str) -> bool {
        self.items.iter().any(|item| item.resource == resource && item.action == action)
    }

    /// Returns whether the scope covers this action on this resource.
    pub fn covers(&self, resource: &str, action: &str) -> bool {
        self.items.iter().any(|item| item.covers(resource, action))
    }

    /// The first pair that gives nothing to this role, whatever the conditions: a scope with it asks for
    /// more than the owner has, or for a word that the matrix does not contain. `beside` lists what the
    /// owner has without the matrix.
    pub fn beyond(
        &self,
        matrix: &Matrix,
        role: &str,
        beside: &[(&str, &str)],
    ) -> Option<&ScopeItem> {
        let is_beside =
            |item: &ScopeItem| beside.iter().any(|pair| *pair == (&*item.resource, &*item.action));
        self.items.iter().find(|item| !is_beside(item) && !item.gives_something(matrix, role))
    }

    /// The pairs, sorted, each once.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &ScopeItem> {
        self.items.iter()
    }
}

/// Prints the pairs with spaces between them, as in OAuth 2.0 (RFC 6749 section 3.3).
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, item) in self.items.iter().enumerate() {
            let space = if place > 0 { " " } else { "" };
            write!(f, "{space}{item}")?;
        }
        Ok(())
    }
}

/// Reads the form that [`Display`](fmt::Display) prints.
impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.split(' '))
    }
}

impl ScopeItem {
    fn covers(&self, resource: &str, action: &str) -> bool {
        (self.resource == EVERY || self.resource == resource) && self.covers_action(action)
    }

    fn covers_action(&self, action: &str) -> bool {
        self.action == EVERY
            || self.action == action
            || (self.action == MANAGE && MANAGED.contains(&action))
    }

    fn gives_something(&self, matrix: &Matrix, role: &str) -> bool {
        let Some(role) = matrix.role(role) else { return false };
        let resources =
            matrix.resources().filter(|word| self.resource == EVERY || self.resource == **word);
        resources.filter_map(|word| matrix.resource(word)).any(|resource| {
            let actions = matrix.actions().filter(|word| self.covers_action(word));
            let mut actions = actions.filter_map(|word| matrix.action(word));
            actions.any(|action| !matrix.access(role, resource, action).is_never())
        })
    }
}

impl fmt::Display for ScopeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}

impl FromStr for ScopeItem {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (resource, action) = text.split_once(':').ok_or(ScopeError::Malformed)?;
        let is_part = |word: &str| word == EVERY || is_word(word);
        if !is_part(resource) || !is_part(action) {
            return Err(ScopeError::Malformed);
        }
        Ok(Self { resource: resource.to_owned(), action: action.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: &str = r#"
        resources = ["absence", "schedule", "report"]
        actions = ["create", "read", "approve", "manage"]
        [roles.head]
        juniors = ["nurse"]
        grants = [{ resources = ["absence"], actions = ["approve"], when = ["not_own"] }]
        [roles.nurse]
        grants = [
            { resources = ["absence"], actions = ["create", "read"], when = ["own"] },
            { resources = ["schedule"], actions = ["read"] },
        ]
    "#;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_wildcard_names_nothing() {
        let named = Scope::parse(["token:introspect", "schedule:manage", "*:*"]).unwrap();
        assert!(named.names("token", "introspect"));
        for (resource, action) in [
            ("token", "read"),
            ("revocation", "introspect"),
            ("revocation", "read"),
            ("schedule", "read"),
        ] {
            assert!(!named.names(resource, action), "{resource}:{action}");
            assert!(named.covers(resource, action), "{resource}:{action}");
        }
    }

    #[test]
    fn a_scope_covers_its_pairs_wildcards_and_what_manage_covers() {
        let pairs = scope("schedule:read absence:manage report:*");
        for (resource, action) in [
            ("schedule", "read"),
            ("absence", "manage"),
            ("absence", "create"),
            ("absence", "read"),
            ("absence", "update"),
            ("absence", "delete"),
            ("report", "export"),
        ] {
            assert!(pairs.covers(resource, action), "{resource}:{action}");
        }
        for (resource, action) in [
            ("schedule", "list"),
            ("absence", "approve"),
            ("swap", "read"),
            ("*", "read"),
            ("", ""),
        ] {
            assert!(!pairs.covers(resource, action), "{resource}:{action}");
        }
        assert!(scope("*:read").covers("anything", "read") && !scope("*:read").covers("a", "list"));
        assert!(scope("*:*").covers("anything", "whatever"));
        assert!(!scope("absence:read").covers("absence", "manage"), "a part is not the whole");
    }

    #[test]
    fn what_the_role_never_has_is_beyond_it() {
        let matrix = Matrix::parse(MATRIX).unwrap();
        let beyond = |role: &str, text: &str| {
            scope(text).beyond(&matrix, role, &[]).map(ToString::to_string)
        };
        for (role, text) in [
            ("nurse", "absence:create absence:read schedule:read"),
            ("nurse", "absence:manage schedule:* *:read *:*"),
            ("head", "absence:approve schedule:read"),
        ] {
            assert_eq!(beyond(role, text), None, "{role} {text}");
        }
        for (role, text, item) in [
            ("nurse", "absence:approve schedule:read", "absence:approve"),
            ("nurse", "schedule:create", "schedule:create"),
            ("nurse", "report:*", "report:*"),
            ("nurse", "*:approve", "*:approve"),
            ("nurse", "wards:read", "wards:read"),
            ("nurse", "schedule:list", "schedule:list"),
            ("porter", "schedule:read", "schedule:read"),
        ] {
            assert_eq!(beyond(role, text).as_deref(), Some(item), "{role} {text}");
        }
    }

    #[test]
    fn what_the_owner_has_beside_the_matrix_is_not_beyond_it_pair_by_pair() {
        let matrix = Matrix::parse(MATRIX).unwrap();
        let beside = [("feed", "read"), ("token", "introspect")];
        let beyond =
            |text: &str| scope(text).beyond(&matrix, "nurse", &beside).map(ToString::to_string);
        for text in ["feed:read", "token:introspect", "feed:read schedule:read token:introspect"] {
            assert_eq!(beyond(text), None, "{text}");
        }
        for text in ["feed:introspect", "token:read", "token:*", "*:introspect", "feed:manage"] {
            assert_eq!(beyond(text).as_deref(), Some(text));
        }
        // The first of those beyond it, in the order of the scope.
        assert_eq!(beyond("schedule:read token:read feed:list").as_deref(), Some("feed:list"));
    }

    #[test]
    fn each_side_of_a_pair_counts_alone() {
        for (text, covered, others) in [
            (
                "a:b",
                &[("a", "b")][..],
                &[("a", "c"), ("c", "b"), ("b", "a"), ("a", "*"), ("*", "b")][..],
            ),
            ("*:b", &[("a", "b"), ("*", "b")], &[("a", "c"), ("b", "*")]),
            ("a:*", &[("a", "b"), ("a", "manage")], &[("b", "a"), ("c", "b")]),
            ("*:manage", &[("a", "update"), ("b", "manage")], &[("a", "list"), ("a", "*")]),
            ("a:manage", &[("a", "read")], &[("b", "read"), ("manage", "a"), ("a", "approve")]),
            // The words of the wildcard and of what it covers are no pattern in a question.
            ("a:update", &[("a", "update")], &[("a", "manage"), ("a", "read")]),
        ] {
            let scope = scope(text);
            for (resource, action) in covered {
                assert!(scope.covers(resource, action), "{text} {resource}:{action}");
            }
            for (resource, action) in others {
                assert!(!scope.covers(resource, action), "{text} {resource}:{action}");
            }
        }
        // No pair is made of halves of two.
        let two = scope("a:b c:d");
        assert!(two.covers("a", "b") && two.covers("c", "d"));
        assert!(!two.covers("a", "d") && !two.covers("c", "b"));
    }

    #[test]
    fn each_error_has_its_code() {
        let codes = [ScopeError::Malformed, ScopeError::Empty, ScopeError::TooLong];
        assert_eq!(codes.map(ScopeError::code), ["malformed", "too_short", "too_long"]);
    }

    #[test]
    fn a_scope_prints_sorted_and_reads_back() {
        let printed = scope("schedule:read absence:* schedule:read").to_string();
        assert_eq!(printed, "absence:* schedule:read");
        assert_eq!(scope(&printed).to_string(), printed);
        assert_eq!(scope(&printed).items().len(), 2);
    }

    #[test]
    fn other_texts_are_no_scopes() {
        for text in [
            "",
            " ",
            "schedule",
            "schedule:",
            ":read",
            "a:b:c",
            "A:read",
            "a:re-ad",
            "a:b  a:c",
            "a:**",
        ] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError::Malformed), "{text:?}");
        }
        assert_eq!(Scope::parse([]), Err(ScopeError::Empty));
        assert!(Scope::parse(vec!["a:b"; 100]).is_ok());
        assert_eq!(Scope::parse(vec!["a:b"; 101]), Err(ScopeError::TooLong));
    }
}
