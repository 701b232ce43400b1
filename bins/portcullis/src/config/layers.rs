//! Merges the file and the environment, and deserializes the result.
//!
//! A deserializer stops at the first error. So the faulty key is reported and removed, and the rest is
//! deserialized again, until no error is left: one run reports every key that is unknown or of the wrong
//! form.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_path_to_error::{Path as KeyPath, Segment};
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Table, Value};

use super::finding::{FILE, Findings, Source};
use super::raw::Raw;

/// All keys that are set.
#[derive(Default)]
pub(crate) struct Layers {
    table: Table,
    /// Keys whose text came from a variable and may stand for a number, a boolean, a list or a table.
    texts: BTreeSet<String>,
}

impl Layers {
    /// Reads the file, the lower layer.
    pub(crate) fn from_file(path: &Path, findings: &mut Findings) -> Self {
        let name = path.display().to_string();
        findings.came_from(FILE, Source::Path(name.clone()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("cannot be read: {error}");
                findings.fault(FILE, problem, "name a readable file in UTF-8");
                return Self::default();
            }
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in errors {
            let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
            // The full text of the error quotes the line, which may contain a secret.
            let problem = format!("is not TOML at line {line}, column {column}");
            findings.fault(FILE, problem, format!("fix the syntax there ({})", error.message()));
        }
        let table = Table::deserialize(Deserializer::from(table)).unwrap_or_default();
        note_sources(&table, "", &Source::File(name), findings);
        Self { table, texts: BTreeSet::new() }
    }

    /// Sets a key to the text of a variable.
    pub(crate) fn set_text(&mut self, key: &str, text: String, findings: &mut Findings) {
        if self.set(key, Value::String(text)) {
            self.texts.insert(key.to_owned());
        } else {
            findings.fault(key, "clashes with another key", "set a key, not a section");
        }
    }

    /// Deserializes everything, and reports every key that is unknown or of the wrong form.
    pub(crate) fn read(&mut self, findings: &mut Findings) -> Raw {
        // Serde accepts a list for a struct, field by field, which is never intended.
        let lists: Vec<_> =
            self.table.iter().filter(|(_, v)| v.is_array()).map(|(k, _)| k.clone()).collect();
        for key in lists {
            findings.fault(&key, WRONG_FORM, "write a single value or a section here");
            self.table.remove(&key);
        }
        loop {
            let error = match serde_path_to_error::deserialize(Value::Table(self.table.clone())) {
                Ok(raw) => return raw,
                Err(error) => error,
            };
            let path = keys_of(error.path());
            let key = path.join(".");
            if self.reinterpret(&key) {
                continue;
            }
            report(&key, error.inner().message(), findings);
            if self.remove(&path).is_none() {
                return Raw::default();
            }
        }
    }

    /// The set value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &self.table;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            table = table.get(section)?.as_table()?;
        }
        table.get(name)
    }

    fn set(&mut self, key: &str, value: Value) -> bool {
        let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.table;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = entry else { return false };
            table = inner;
        }
        let is_section = table.get(name).is_some_and(Value::is_table);
        if is_section && !MAPS.contains(&key) {
            return false;
        }
        table.insert(name.to_owned(), value);
        true
    }

    /// Replaces the text of a variable by the TOML value that it stands for, once per key. Keys outside of
    /// sections are always texts, and a section is never a text.
    fn reinterpret(&mut self, key: &str) -> bool {
        if !key.contains('.') || !self.texts.remove(key) {
            return false;
        }
        let path: Vec<_> = key.split('.').collect();
        let Some(Value::String(text)) = self.remove(&path) else { return false };
        self.set(key, meaning(&text))
    }

    fn remove(&mut self, path: &[impl AsRef<str>]) -> Option<Value> {
        let (name, sections) = path.split_last()?;
        let mut table = &mut self.table;
        for section in sections {
            table = table.get_mut(section.as_ref())?.as_table_mut()?;
        }
        table.remove(name.as_ref())
    }
}

/// Keys with a table as value, which may be set as a whole.
const MAPS: [&str; 2] = ["sessions.absolute_hours_by_role", "sessions.idle_minutes_by_role"];

const WRONG_FORM: &str = "has the wrong form";

/// A number, truth value, list or table in TOML's spelling; else a list with commas.
fn meaning(text: &str) -> Value {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Value::Boolean(text.eq_ignore_ascii_case("true"));
    }
    let value = text.parse().ok().filter(|_| is_decimal(text));
    value.unwrap_or_else(|| {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| Value::String(item.to_owned())).collect::<Vec<_>>().into()
    })
}

/// True if every integer in the value is decimal, and a single one has digits only. TOML reads `0x10` as
/// sixteen and `1_0` as ten, which the operator who set the variable may not have meant.
fn is_decimal(text: &str) -> bool {
    fn holds(value: &DeValue<'_>) -> bool {
        match value {
            DeValue::Integer(number) => number.radix() == 10,
            DeValue::Array(items) => items.iter().all(|item| holds(item.get_ref())),
            DeValue::Table(members) => members.values().all(|member| holds(member.get_ref())),
            _ => true,
        }
    }
    DeValue::parse(text).is_ok_and(|value| match value.get_ref() {
        DeValue::Integer(_) => {
            let digits = text.trim();
            digits.strip_prefix('-').unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit())
        }
        value => holds(value),
    })
}

/// Translates the message of serde. Its part before `, expected` may quote a value and is dropped.
fn report(key: &str, message: &str, findings: &mut Findings) {
    let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    if message.starts_with("unknown field") {
        findings.fault(key, "is not a known key", format!("remove it, or write {expected}"));
        return;
    }
    let form = match expected {
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list such as [\"a\", \"b\"], or a,b in a variable",
        "a map" => "a table such as { admin = 12 }",
        "u8" | "u32" | "u64" | "usize" => "a whole number such as 30",
        "string or table" | "string only" => "one of the words that the sample file lists",
        other if other.starts_with("one of") || other.starts_with('`') => other,
        other if other.starts_with("struct ") => "the keys of a section",
        _ => "what the sample file shows there",
    };
    findings.fault(key, WRONG_FORM, format!("write {form}"));
}

/// Stores the source of every key, down to the first list.
fn keys_of(path: &KeyPath) -> Vec<String> {
    let keys = path.iter().map_while(|segment| match segment {
        Segment::Map { key } => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

fn note_sources(table: &Table, prefix: &str, source: &Source, findings: &mut Findings) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            Value::Table(inner) => note_sources(inner, &format!("{key}."), source, findings),
            _ => findings.came_from(&key, source.clone()),
        }
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
