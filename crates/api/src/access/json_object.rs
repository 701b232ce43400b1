//! A JSON object with arbitrary members, under the rules of every body: no duplicate name in an
//! object, no control characters in names or texts, and bounded nesting.

use std::cell::Cell;
use std::fmt;

use portcullis_flows::access::decision::Attributes;
use portcullis_web::fault::{DUPLICATE, FORBIDDEN_CHARACTER, TOO_DEEP};
use portcullis_web::has_forbidden_character;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The object; `None` if its text is larger than [`MAX_BYTES`]. Of a larger one nothing is kept,
/// and the rest is parsed only to check its form.
#[derive(Debug)]
pub(crate) struct JsonObject(pub(crate) Option<Attributes>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let room = Cell::new(Some(MAX_BYTES));
        let value = (BoundedValue { depth: 0, room: &room }).deserialize(deserializer)?;
        let Value::Object(members) = value else {
            return Err(de::Error::custom("not an object"));
        };
        let object = room.get().map(|_| Attributes::from(members));
        Ok(Self(object.filter(|object| object.as_str().len() <= MAX_BYTES)))
    }
}

/// The maximum size of an object as text, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024;

/// The maximum nesting of objects and arrays.
const MAX_DEPTH: usize = 8;

/// Parses one value at this depth of nesting.
#[derive(Clone, Copy)]
struct BoundedValue<'r> {
    depth: usize,
    /// The remaining bytes; `None` once the limit is exceeded.
    room: &'r Cell<Option<usize>>,
}

impl BoundedValue<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth, ..self }) }
    }

    /// Subtracts the bytes of a value or a name, and at least one for a separator; returns whether
    /// any bytes are left.
    fn takes(self, bytes: usize) -> bool {
        let left = self.room.get().and_then(|room| room.checked_sub(bytes.saturating_add(1)));
        self.room.set(left);
        left.is_some()
    }

    fn text<E: de::Error>(self, text: &str) -> Result<String, E> {
        if has_forbidden_character(text) {
            return Err(E::custom(FORBIDDEN_CHARACTER));
        }
        Ok(if self.takes(text.len()) { text.to_owned() } else { String::new() })
    }

    fn scalar(self, value: impl Into<Value>) -> Value {
        if self.takes(0) { value.into() } else { Value::Null }
    }
}

impl<'de> DeserializeSeed<'de> for BoundedValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BoundedValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(self.scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(self.scalar(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.scalar(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.scalar(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let element = self.deeper()?;
        let mut values = Vec::new();
        self.takes(1);
        while let Some(value) = elements.next_element_seed(element)? {
            if self.room.get().is_some() {
                values.push(value);
            }
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let member = self.deeper()?;
        let mut map = Map::new();
        self.takes(1);
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(de::Error::custom(DUPLICATE));
            }
            let name = self.text(&name)?;
            let value = members.next_value_seed(member)?;
            if self.room.get().is_some() {
                map.insert(name, value);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        let object = serde_json::from_str::<JsonObject>(text);
        let object = object.map_err(|error| error.to_string())?;
        let object = object.0.ok_or("too large")?;
        serde_json::from_str(object.as_str()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_harmless_object_reads_as_it_is() {
        let text = r#"{"a":[1,-2,0.5,null,true,"ä"],"b":{"a":{}}}"#;
        assert_eq!(read(text).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_too_large_is_read_to_its_end_and_not_kept() {
        let text = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
        assert!(read(&text(MAX_BYTES - 8)).is_ok());
        assert_eq!(text(MAX_BYTES - 8).len(), MAX_BYTES);
        for too_large in [
            text(MAX_BYTES - 7),
            format!(r#"{{"a":[{}1]}}"#, "1,".repeat(MAX_BYTES)),
            format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(MAX_BYTES)),
            // Each of these bytes becomes two.
            format!(r#"{{"a":"{}"}}"#, r#"\""#.repeat(MAX_BYTES / 2)),
        ] {
            assert_eq!(read(&too_large), Err("too large".to_owned()), "{too_large:.40}");
        }
        let late = format!(r#"{{"a":"{}","b":"\u0000"}}"#, "x".repeat(MAX_BYTES));
        assert!(read(&late).unwrap_err().starts_with(FORBIDDEN_CHARACTER));
    }

    #[test]
    fn what_is_ambiguous_or_harmful_is_refused() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert!(read(&nested(8)).is_ok());
        for (text, fault) in [
            (nested(9).as_str(), TOO_DEEP),
            (r#"{"a":1,"a":1}"#, DUPLICATE),
            (r#"{"b":[{"a":1,"\u0061":1}]}"#, DUPLICATE),
            (r#"{"a":"\u0000"}"#, FORBIDDEN_CHARACTER),
            (r#"{"a\u0007":1}"#, FORBIDDEN_CHARACTER),
            (r#"{"a":"\u202e"}"#, FORBIDDEN_CHARACTER),
            (r#"{"a\udb40\udc41":1}"#, FORBIDDEN_CHARACTER),
            (r#"["a"]"#, "not an object"),
            ("1", "not an object"),
        ] {
            assert!(read(text).unwrap_err().starts_with(fault), "{text}");
        }
    }
}
