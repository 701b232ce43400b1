//! What must hold after every fault, whatever was going on: the rules of "nothing lost".
//!
//! Each rule answers what breaks it, in words.

mod history;
mod shape;
mod sharpness;

use super::client::Client;
use super::stored::Stored;

/// Everything that is broken; nothing, if all is well.
pub(crate) fn broken(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let mut broken = shape::broken(stored);
    broken.extend(history::broken(stored, clients));
    broken
}

/// Operations that were never answered and have left something behind all the same.
pub(crate) fn done_without_an_answer(stored: &Stored, clients: &[Client]) -> Vec<String> {
    history::done_without_an_answer(stored, clients)
}
