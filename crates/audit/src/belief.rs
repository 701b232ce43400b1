use crate::{Checkpoint, Coverage, Fingerprint};

/// Which stored checkpoints can be believed, told from the latest to the first.
///
/// Whoever can write to the database can put anything into their table. One is believed if it is
/// signed with a key that is known, or if the next one that is believed names its digest: so those from
/// before a change of the secret are believed without its key.
#[derive(Debug)]
pub struct Belief<F> {
    is_signed: F,
    named: Option<Fingerprint>,
    /// How many were not believed.
    refused: u64,
}

impl<F: Fn(&Checkpoint) -> bool> Belief<F> {
    /// Begins before the latest. `is_signed` answers whether one is signed with a key that is known.
    pub const fn new(is_signed: F) -> Self {
        Self { is_signed, named: None, refused: 0 }
    }

    /// The next one, stored under `number`, if it can be believed.
    pub fn of(&mut self, number: u64, file: &str) -> Option<Checkpoint> {
        let believed = Checkpoint::from_file(file)
            .ok()
            .filter(|found| found.number() == number)
            .filter(|found| self.named == Some(found.digest()) || (self.is_signed)(found));
        match &believed {
            Some(found) => self.named = found.previous(),
            None => self.refused = self.refused.saturating_add(1),
        }
        believed
    }

    /// How many were not believed so far.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

/// Where every chain stood at one checkpoint, put together from it and those before it.
#[derive(Debug, Default)]
pub struct Rebuilt {
    coverage: Coverage,
    digest: Option<Fingerprint>,
    is_complete: bool,
}

impl Rebuilt {
    /// Takes the next one, from the latest to the first. Answers whether earlier ones are needed.
    pub fn take(&mut self, checkpoint: &Checkpoint) -> bool {
        if self.digest.is_none() {
            self.digest = checkpoint.coverage();
        }
        self.coverage.precede(checkpoint);
        self.is_complete |= checkpoint.number() == 1 || checkpoint.lists_every_chain();
        !self.is_complete
    }

    /// What they say, and whether it is proven to be all.
    pub fn finish(self) -> (Coverage, bool) {
        let fits = self.digest.is_none_or(|digest| digest == self.coverage.digest());
        (self.coverage, self.is_complete && fits)
    }
}
