//! What is worth a look in a matrix although nothing is wrong with it.

use crate::coverage::Coverage;
use crate::matrix::Matrix;

/// A grant that changes nothing as long as the hierarchy stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line of the grant, counted from 1.
    pub line: u32,
    /// One sentence.
    pub message: String,
}

impl Matrix {
    /// Grants of a role that its juniors hold already.
    ///
    /// They are not refused: to write down what a role holds of its own is a choice, which keeps
    /// its rights when a junior loses them.
    pub fn notes(&self) -> Vec<Note> {
        let resolved = self.resolved();
        let mut notes = Vec::new();
        for role in resolved.roles.ids() {
            let mut inherited = Coverage::default();
            let reach = resolved.hierarchy.reach(role);
            for (_, grant) in reach.iter().skip(1).flat_map(|&junior| resolved.grants_of(junior)) {
                inherited.add(grant, resolved.covering.of(grant.actions));
            }
            let word = resolved.roles.word(role).unwrap_or_default();
            for (_, grant) in resolved.grants_of(role) {
                if inherited.includes(grant, resolved.covering.of(grant.actions)) {
                    let message = format!("{word} holds all of this grant through its juniors");
                    notes.push(Note { line: grant.line, message });
                }
            }
        }
        notes.sort_by_key(|note| note.line);
        notes
    }
}
