//! A JSON object of whatever members, under the rules that hold for every body: no name twice in an
//! object, no control characters in names or texts, and no deep nesting.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::text::{FORBIDDEN_CHARACTER, has_forbidden_character};

/// Such an object.
#[derive(Debug)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match (Strict { depth: 0 }).deserialize(deserializer)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(de::Error::custom("not an object")),
        }
    }
}

/// How the error begins of an object that has a name twice.
pub(crate) const DUPLICATE: &str = "duplicate name";

/// How the error begins of what is nested too deep.
pub(crate) const TOO_DEEP: &str = "too deep";

/// Objects and arrays inside each other.
const DEEPEST: usize = 8;

/// Reads one value that stands inside so many others.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > DEEPEST { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        checked(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let element = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(element)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let member = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = checked(&name)?;
            if map.contains_key(&name) {
                return Err(de::Error::custom(DUPLICATE));
            }
            map.insert(name, members.next_value_seed(member)?);
        }
        Ok(Value::Object(map))
    }
}

fn checked<E: de::Error>(text: &str) -> Result<String, E> {
    if has_forbidden_character(text) {
        return Err(E::custom(FORBIDDEN_CHARACTER));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        let object = serde_json::from_str::<JsonObject>(text);
        object.map(|object| Value::Object(object.0)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_harmless_object_reads_as_it_is() {
        let text = r#"{"a":[1,-2,0.5,null,true,"ä"],"b":{"a":{}}}"#;
        assert_eq!(read(text).unwrap().to_string(), text);
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
            (r#"["a"]"#, "not an object"),
            ("1", "not an object"),
        ] {
            assert!(read(text).unwrap_err().starts_with(fault), "{text}");
        }
    }
}
