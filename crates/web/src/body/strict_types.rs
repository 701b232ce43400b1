//! Strict types at every depth of a body: a struct only from an object, an enumeration only from a
//! text.
//!
//! Serde's derived code also fills a struct from an array, field by field, and accepts an object
//! with one member for a value of an enumeration. The API document allows neither. So the
//! deserializer itself never offers them, and no type of a body has to refuse them.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::mismatch::{BodyError, SideChannel};

/// A deserializer, or one of its accesses or visitors, with this restriction. A violation is
/// reported as a [`Mismatch`](super::mismatch::Mismatch).
pub(super) struct StrictTypes<'s, T> {
    inner: T,
    side: &'s SideChannel,
}

impl SideChannel {
    pub(super) fn strict<T>(&self, inner: T) -> StrictTypes<'_, T> {
        StrictTypes { inner, side: self }
    }
}

macro_rules! forward {
    ($($method:ident($($ignored:ty),*) to $target:ident)*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $(_: $ignored,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.side.leave(self.inner.$target(self.side.strict(visitor)))
        })*
    };
    ($($method:ident)*) => {
        forward! { $($method() to $method)* }
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for StrictTypes<'_, D> {
    type Error = BodyError<D::Error>;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    forward! {
        deserialize_struct(&'static str, &'static [&'static str]) to deserialize_map
        deserialize_tuple(usize) to deserialize_seq
        deserialize_tuple_struct(&'static str, usize) to deserialize_seq
        deserialize_unit_struct(&'static str) to deserialize_unit
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_str(Word(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }
}

macro_rules! hand_on {
    ($($method:ident($value:ty))*) => {
        $(fn $method<E: de::Error>(self, value: $value) -> Result<V::Value, E> {
            self.side.enter(self.inner.$method(value))
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for StrictTypes<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    hand_on! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128)
        visit_f64(f64) visit_char(char) visit_str(&str) visit_borrowed_str(&'de str)
        visit_string(String) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8])
        visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.side.enter(self.inner.visit_none())
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.side.enter(self.inner.visit_unit())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.side.enter(self.inner.visit_some(self.side.strict(deserializer)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.side.enter(self.inner.visit_seq(self.side.strict(elements)))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.side.enter(self.inner.visit_map(self.side.strict(members)))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for StrictTypes<'_, A> {
    type Error = BodyError<A::Error>;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        self.side.leave(self.inner.next_element_seed(self.side.strict(seed)))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictTypes<'_, A> {
    type Error = BodyError<A::Error>;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        self.side.leave(self.inner.next_key_seed(self.side.strict(seed)))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Self::Error> {
        self.side.leave(self.inner.next_value_seed(self.side.strict(seed)))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for StrictTypes<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.side.enter(self.inner.deserialize(self.side.strict(deserializer)))
    }
}

/// Passes only a text to the visitor of an enumeration.
struct Word<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<V::Value, E> {
        self.0.visit_enum(word.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        word: Choice,
        #[serde(default)]
        pair: (u8, u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
    }

    fn read(text: &str) -> Result<Outer, serde_json::Error> {
        let side = SideChannel::default();
        side.enter(Outer::deserialize(side.strict(&mut serde_json::Deserializer::from_str(text))))
    }

    #[test]
    fn objects_and_words_are_read_at_every_depth() {
        let inner = || Inner { word: Choice::One, pair: (1, 2) };
        let text = r#"{"inner":{"word":"one","pair":[1,2]},"list":[{"word":"one","pair":[1,2]}]}"#;
        let expected = Outer { inner: Some(inner()), list: vec![inner()] };
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read(r#"{"inner":null}"#).unwrap(), Outer { inner: None, list: vec![] });
    }

    #[test]
    fn neither_is_an_array_or_an_object_in_their_place() {
        for text in [
            "[null,[]]",
            r#"{"inner":["one",[1,2]]}"#,
            r#"{"inner":null,"list":[["one",[1,2]]]}"#,
            r#"{"inner":{"word":{"one":null}}}"#,
            r#"{"inner":{"word":["one"]}}"#,
        ] {
            assert!(read(text).unwrap_err().is_data(), "{text}");
        }
    }
}
