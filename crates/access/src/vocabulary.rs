//! Numbering of words, so that a decision compares no text.

use std::collections::HashMap;

use crate::document::LocatedWord;
use crate::fault::{Fault, FaultCode, MatrixFaults};

/// The words of one kind, numbered in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<Box<str>>,
    ids: HashMap<Box<str>, u16>,
}

impl Vocabulary {
    /// Numbers the words; `kind` names them in the fault for more than `most`.
    pub(crate) fn of(
        spots: &[LocatedWord<'_>],
        most: u16,
        kind: &str,
        faults: &mut MatrixFaults,
    ) -> Self {
        let mut vocabulary = Self::default();
        for (id, spot) in (0..most).zip(spots) {
            let word: Box<str> = spot.word.as_ref().into();
            vocabulary.ids.entry(word.clone()).or_insert(id);
            vocabulary.words.push(word);
        }
        if let Some(spot) = spots.get(usize::from(most)) {
            let message = format!("more than {most} {kind}, which is all a matrix can hold");
            faults.push(Fault::new(FaultCode::TooLarge, spot.line, message));
        }
        vocabulary
    }

    pub(crate) fn id(&self, word: &str) -> Option<u16> {
        self.ids.get(word).copied()
    }

    pub(crate) fn word(&self, id: u16) -> Option<&str> {
        self.words.get(usize::from(id)).map(AsRef::as_ref)
    }

    pub(crate) fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(AsRef::as_ref)
    }

    /// All ids; fewer than [`u16::MAX`].
    pub(crate) fn ids(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.words.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let text: usize = self.words.iter().map(|word| word.len()).sum();
        let entry = size_of::<(Box<str>, u16)>() + 1;
        2 * text + self.words.capacity() * size_of::<Box<str>>() + self.ids.capacity() * entry
    }
}
