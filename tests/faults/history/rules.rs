//! The rules that must hold after every fault. Each rule returns its violations as text.

mod history;
mod shape;
mod sharpness;

use super::client::Client;
use super::stored::Stored;

/// All violations; empty if every rule holds.
pub(crate) fn broken(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let mut broken = shape::broken(stored);
    broken.extend(history::broken(stored, clients));
    broken
}

/// Operations without an answer that have an effect.
pub(crate) fn done_without_an_answer(stored: &Stored, clients: &[Client]) -> Vec<String> {
    history::done_without_an_answer(stored, clients)
}
