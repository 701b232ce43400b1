//! Parses roles from the command line.

use portcullis_access::Matrix;
use portcullis_domain::Role;

/// The role of that name.
pub(crate) fn find(matrix: &Matrix, word: &str) -> Option<Role> {
    matrix.role(word).and_then(|_| Role::parse(word).ok())
}

/// The remedy for an unknown role: the list of roles.
pub(crate) fn choices(matrix: &Matrix) -> String {
    format!("choose one of {}", matrix.roles().collect::<Vec<_>>().join(", "))
}
