//! The settings in force, for administrators: each key of the sample configuration with its value and source.
//!
//! The sample has every key with its default, and a test compares both with the server. A secret is shown as set or
//! not set, and a test tries every key with a marker: one that is read as a secret must be one here.

use portcullis_flows::identity::account_request::RegistrationMode;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_flows::node::setting::{Setting, SettingSource, SettingValue, SettingsInForce};
use toml::Value;

use super::finding::Findings;
use super::layers::Layers;
use super::variables;

const SAMPLE: &str = include_str!("../../config/portcullis.toml");

/// A section with a key for each service: a name, and the digest of a secret.
const SERVICES: &str = "services";

/// The settings in force: the set values, and the defaults of the others. `derived` has the defaults that depend
/// on other settings or on the machine.
pub(super) fn in_force(
    layers: &Layers,
    findings: &Findings,
    derived: &[(&str, Value)],
) -> SettingsInForce {
    let setting = |sample: SampleKey| {
        let SampleKey { key, default } = sample;
        let set = layers.value(&key);
        let source = match findings.is_from_environment(&key) {
            None => SettingSource::Default,
            Some(false) => SettingSource::File,
            Some(true) => SettingSource::Environment,
        };
        let value = if is_secret(&key) {
            SettingValue::Secret { is_set: set.is_some_and(|set| !is_empty(set)) }
        } else {
            let derived = derived.iter().find(|(name, _)| *name == key);
            let default = derived.map_or(default, |(_, value)| Some(value.clone()));
            SettingValue::Shown(merged(default, set.cloned()).and_then(|value| json(&value)))
        };
        Setting { key, value, source }
    };
    SettingsInForce(sample_keys().map(setting).collect())
}

fn is_secret(key: &str) -> bool {
    key == SERVICES || variables::is_secret(key)
}

fn is_empty(value: &Value) -> bool {
    value.as_table().is_some_and(toml::Table::is_empty)
}

/// The value as JSON text.
fn json(value: &Value) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The set value; of a table its members beside the defaults of the others.
fn merged(default: Option<Value>, set: Option<Value>) -> Option<Value> {
    match (default, set) {
        (Some(Value::Table(mut members)), Some(Value::Table(set))) => {
            members.extend(set);
            Some(Value::Table(members))
        }
        (default, set) => set.or(default),
    }
}

/// A key of the sample with its default. A key in a comment has none there.
struct SampleKey {
    key: String,
    default: Option<Value>,
}

/// The keys of the sample: each assignment, also one in a comment, has a line of its own.
fn sample_keys() -> impl Iterator<Item = SampleKey> {
    let mut section = String::new();
    SAMPLE.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
            let services = (name == SERVICES).then(|| SERVICES.to_owned());
            return services.map(|key| SampleKey { key, default: None });
        }
        let (text, is_comment) = match line.strip_prefix("# ") {
            Some(text) => (text, true),
            None => (line, false),
        };
        let (name, value) = text.split_once(" = ")?;
        let is_key = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let default = (!is_comment).then(|| value.parse().ok()).flatten();
        is_key.then(|| SampleKey { key: format!("{section}{name}"), default })
    })
}

/// The word of a mode of registration.
pub(super) const fn mode(mode: RegistrationMode) -> &'static str {
    match mode {
        RegistrationMode::Open => "open",
        RegistrationMode::Invite => "invite",
        RegistrationMode::AdminOnly => "admin_only",
        RegistrationMode::Closed => "closed",
    }
}

/// The word of an answer to registrations.
pub(super) const fn answer(answer: RegistrationAnswer) -> &'static str {
    match answer {
        RegistrationAnswer::Verified => "verified",
        RegistrationAnswer::Immediate => "immediate",
    }
}

/// The word of the accounts that must have a second factor.
pub(super) const fn required(everybody: bool, administrators: bool) -> &'static str {
    match (everybody, administrators) {
        (true, _) => "everybody",
        (false, true) => "administrators",
        (false, false) => "nobody",
    }
}
