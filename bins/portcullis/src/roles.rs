//! Parses roles from the command line.

use portcullis_access::Matrix;
use portcullis_domain::Role;

use crate::failure::Failure;

/// The role of that name.
pub(crate) fn find(matrix: &Matrix, word: &str) -> Option<Role> {
    matrix.role(word).and_then(|_| Role::parse(word).ok())
}

/// The role of an argument.
pub(crate) fn argument(matrix: &Matrix, word: &str) -> Result<Role, Failure> {
    let unknown = || Failure::usage(format!("there is no role {word:?}; {}", choices(matrix)));
    find(matrix, word).ok_or_else(unknown)
}

/// The remedy for an unknown role: the list of roles.
pub(crate) fn choices(matrix: &Matrix) -> String {
    format!("choose one of {}", matrix.roles().collect::<Vec<_>>().join(", "))
}
