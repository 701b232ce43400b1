//! Notes on a matrix: grants without effect that are not faults.

use crate::coverage::Coverage;
use crate::matrix::Matrix;

/// A grant that changes nothing with the present hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line of the grant, counted from 1.
    pub line: u32,
    /// The note, in one sentence.
    pub message: String,
}

impl Matrix {
    /// Lists the grants of a role that its juniors have already.
    ///
    /// They are not refused: a role with its own grant keeps the right when a junior loses it.
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
