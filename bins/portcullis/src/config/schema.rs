//! The JSON Schema of the configuration file, for editors: types from the code, meanings and defaults from the sample.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::raw::Raw;
use super::sample::{self, Group};

/// The schema, of the draft 2020-12.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Raw>().to_value();
    clean(&mut schema);
    for group in sample::groups() {
        describe(&mut schema, &group);
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("The configuration of Portcullis"));
        root.remove("description");
    }
    schema
}

/// TOML has no null, and the defaults are those of the sample.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("default");
            for name in ["type", "enum", "anyOf", "oneOf"] {
                let Some(Value::Array(choices)) = members.get_mut(name) else { continue };
                choices.retain(|it| {
                    *it != json!("null") && *it != json!({ "type": "null" }) && !it.is_null()
                });
                if let ("type", [only]) = (name, choices.as_slice()) {
                    let only = only.clone();
                    members.insert(name.to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf")
                && choices.len() == 1
                && let Some(Value::Object(only)) = choices.pop()
            {
                members.remove("anyOf");
                members.extend(only);
            }
            members.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

/// The place of a section, whose name may have a dot.
fn pointer(section: &str) -> String {
    format!("/properties/{}", section.replace('.', "/properties/"))
}

fn describe(schema: &mut Value, group: &Group) {
    let section = match group.within {
        "" => Some(schema),
        within => schema.pointer_mut(&pointer(within)),
    };
    let Some(section) = section else { return };
    let comment = group.comment.trim();
    if group.section.is_some()
        && !comment.is_empty()
        && let Some(members) = section.as_object_mut()
    {
        members.insert("description".to_owned(), json!(comment));
    }
    for key in &group.keys {
        let property = section.pointer_mut(&format!("/properties/{}", key.name));
        let Some(members) = property.and_then(Value::as_object_mut) else { continue };
        members.insert("description".to_owned(), json!(comment));
        if !key.is_comment {
            members.insert("default".to_owned(), json!(key.value()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_sample_has_its_type_and_meaning_in_the_schema() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        let mut count = 0;
        for group in sample::groups().filter(|group| group.within != "services") {
            let root = match group.within {
                "" => &schema,
                within => schema.pointer(&pointer(within)).unwrap(),
            };
            for key in &group.keys {
                let property = &root["properties"][key.name];
                let expected: &[&str] = match key.value().unwrap() {
                    toml::Value::Integer(_) => &["integer"],
                    toml::Value::Float(_) => &["number"],
                    toml::Value::Boolean(_) => &["boolean"],
                    toml::Value::Array(_) => &["array"],
                    toml::Value::Table(_) => &["object"],
                    _ => &["string"],
                };
                let path = group.path(key);
                let choices = property["oneOf"].as_array().map_or_else(
                    || vec![property["type"].clone()],
                    |choices| choices.iter().map(|it| it["type"].clone()).collect(),
                );
                assert!(
                    choices.iter().all(|it| expected.iter().any(|name| it == name)),
                    "{path}: {property}"
                );
                assert!(
                    property["description"].as_str().is_some_and(|it| !it.is_empty()),
                    "{path}"
                );
                assert_eq!(property.get("default").is_some(), !key.is_comment, "{path}");
                count += 1;
            }
        }
        assert!(count > 100, "only {count} keys");
        assert!(!schema.to_string().contains("null"), "TOML has no null");
    }
}
