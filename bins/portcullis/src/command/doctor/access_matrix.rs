//! Whether the matrix in force can be read, and is the configured one.

use portcullis_flows::matrix::Matrices;

use super::Check;
use crate::config::Config;

pub(super) const NAME: &str = "access matrix";

/// Expects that `matrices` has followed what is in force.
pub(super) fn check(matrices: &Matrices, config: &Config) -> Check {
    let in_force = matrices.active().load();
    if in_force.version == 0 {
        let detail = format!("the first start puts {} in force", config.matrix.name());
        return Check::ok(NAME, detail);
    }
    match config.matrix.difference(&in_force) {
        Some((problem, remedy)) => Check::warning(NAME, problem, remedy),
        None => Check::ok(NAME, format!("version {} is in force", in_force.version)),
    }
}
