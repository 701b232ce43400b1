//! Digest of the meaning of a matrix, independent of the layout of its file.

use sha2::{Digest, Sha256};

use crate::grant::{Actions, Grant, Resources, action_bit};
use crate::matrix::Matrix;
use crate::resolve::Resolved;
use crate::word::EVERY;

/// Changes with the canonical form below, so that a digest has one meaning.
const LABEL: &str = "portcullis/access-matrix/v1";

impl Matrix {
    /// Returns the SHA-256 of the canonical form. Files that differ only in comments, layout and
    /// order have the same digest.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(canonical(self)).into()
    }
}

/// The canonical form: sorted lines of words. No word contains a space or a line break, so the form
/// is unambiguous.
fn canonical(matrix: &Matrix) -> String {
    let resolved = matrix.resolved();
    let mut lines = vec![
        LABEL.to_owned(),
        line("self_registration_role", matrix.self_registration_role().into_iter().collect()),
        line("resources", matrix.resources().collect()),
        line("actions", matrix.actions().collect()),
    ];
    let mut roles: Vec<_> = resolved.roles.ids().zip(matrix.roles()).collect();
    roles.sort_unstable_by_key(|(_, word)| *word);
    for (role, word) in roles {
        let juniors = resolved.hierarchy.juniors(role).iter();
        lines.push(line("role", vec![word]));
        lines.push(line("juniors", juniors.filter_map(|&id| resolved.roles.word(id)).collect()));
        let mut grants: Vec<_> =
            resolved.grants_of(role).map(|(_, grant)| grant_line(resolved, grant)).collect();
        grants.sort_unstable();
        lines.extend(grants);
    }
    lines.join("\n")
}

fn grant_line(resolved: &Resolved, grant: &Grant) -> String {
    let resources = match &grant.resources {
        Resources::Every => vec![EVERY],
        Resources::These(ids) => ids.iter().filter_map(|&id| resolved.resources.word(id)).collect(),
    };
    let actions = match grant.actions {
        Actions::Every => vec![EVERY],
        Actions::These(set) => {
            let ids = resolved.actions.ids().filter(|&id| set & action_bit(id) != 0);
            ids.filter_map(|id| resolved.actions.word(id)).collect()
        }
    };
    let conditions = resolved.condition_words(grant.conditions);
    [line("on", resources), line("may", actions), line("when", conditions)].join(" ")
}

fn line(key: &str, mut words: Vec<&str>) -> String {
    words.sort_unstable();
    format!("{key}: {}", words.join(" "))
}
