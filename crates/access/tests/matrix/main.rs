//! The access matrix through its public API.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod default_matrix;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod digest;
#[cfg(test)]
mod escalation;
#[cfg(test)]
mod explanations;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hierarchies;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod replay;
#[cfg(all(test, feature = "macros"))]
mod words;

/// The file that Portcullis ships.
#[cfg(test)]
const DEFAULT: &str = include_str!("../../../../config/access_matrix.toml");

/// A file with what `grants` puts below it.
#[cfg(test)]
fn small(grants: &str) -> String {
    format!(
        "self_registration_role = \"junior\"\n\
         resources = [\"door\", \"window\"]\n\
         actions = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"approve\", \"manage\"]\n\
         {grants}"
    )
}
