//! Transports: the ways in which a browser reaches an authenticator (section 5.8.4).

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The ways to reach an authenticator: words of the standard, each at most once. Other words are dropped,
/// because a hint that no browser knows helps nobody.
///
/// The text form is the words with commas between them; it reads every text.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Transports {
    is_known: [bool; Self::WORDS.len()],
}

impl Transports {
    /// The words of the standard.
    pub const WORDS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

    /// Takes the known words.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut transports = Self::default();
        for word in words {
            for (known, is_known) in Self::WORDS.iter().zip(&mut transports.is_known) {
                *is_known |= *known == word;
            }
        }
        transports
    }

    /// The words, in the order of the standard.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        Self::WORDS
            .into_iter()
            .zip(self.is_known)
            .filter_map(|(word, is_known)| is_known.then_some(word))
    }
}

impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transports({self})")
    }
}

impl FromStr for Transports {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from_words(text.split(',')))
    }
}

impl Serialize for Transports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}
