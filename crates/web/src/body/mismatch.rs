//! Type mismatches of a body, reported by serde's derived code and by our own types through
//! methods, not texts.
//!
//! The text of a serde error is for people, may change with every release and may quote a password.
//! So no error text is read, and for mismatches none is created.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::fault;

/// A fault of a field.
#[derive(Debug, PartialEq)]
pub(super) enum Mismatch {
    Missing(&'static str),
    Unknown(String),
    Duplicate(&'static str),
    /// The value has the right type and one of our [faults](fault).
    Fault {
        code: &'static str,
        advice: &'static str,
    },
    WrongType,
}

/// A mismatch, or an error of the deserializer that reads the text of the body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError<E> {
    #[error("the body does not fit its type")]
    Mismatch(Mismatch),
    #[error("{0}")]
    Inner(E),
}

impl<E> BodyError<E> {
    /// The mismatch. An inner error is one too, if the text of the body is well-formed.
    pub(super) fn into_mismatch(self) -> Mismatch {
        match self {
            Self::Mismatch(mismatch) => mismatch,
            Self::Inner(_) => Mismatch::WrongType,
        }
    }
}

impl<E: de::Error> de::Error for BodyError<E> {
    fn custom<T: fmt::Display>(code: T) -> Self {
        let fault = fault::of(&code.to_string());
        Self::Mismatch(
            fault.map_or(Mismatch::WrongType, |(code, advice)| Mismatch::Fault { code, advice }),
        )
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Mismatch(Mismatch::Missing(field))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Mismatch(Mismatch::Unknown(field.to_owned()))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Mismatch(Mismatch::Duplicate(field))
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Mismatch(Mismatch::WrongType)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Mismatch(Mismatch::WrongType)
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::Mismatch(Mismatch::WrongType)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::Mismatch(Mismatch::WrongType)
    }
}

/// Carries a mismatch past the inner deserializer, whose errors can only hold text.
#[derive(Default)]
pub(super) struct SideChannel(Cell<Option<Mismatch>>);

impl SideChannel {
    /// Passes a result of our code to the inner deserializer.
    pub(super) fn enter<T, E: de::Error>(&self, result: Result<T, BodyError<E>>) -> Result<T, E> {
        result.map_err(|error| match error {
            BodyError::Mismatch(mismatch) => {
                self.0.set(Some(mismatch));
                E::custom("")
            }
            BodyError::Inner(error) => error,
        })
    }

    /// Receives a result from the inner deserializer.
    pub(super) fn leave<T, E>(&self, result: Result<T, E>) -> Result<T, BodyError<E>> {
        result.map_err(|error| match self.0.take() {
            Some(mismatch) => BodyError::Mismatch(mismatch),
            None => BodyError::Inner(error),
        })
    }
}
