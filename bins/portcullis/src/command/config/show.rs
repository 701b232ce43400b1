//! `config show`: shows the settings in force, each with its source.

use std::fmt;
use std::process::ExitCode;

use portcullis_flows::node::setting::{Setting, SettingValue};
use serde::Serialize;
use serde_json::Value;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

pub(super) const AFTER_HELP: &str = "\
Examples:
  portcullis config show
  portcullis config show --json | jq '.settings[] | select(.source != \"default\")'

A secret is never shown, only whether it is set. A server that runs since before a change of the file or of the
environment uses the former settings: GET /api/admin/settings shows them.";

/// Fails when the configuration has a fault, because then no value is in force.
pub(super) fn run(loaded: LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    let settings = config.settings.0.into_iter().map(ShownSetting::from).collect();
    output.answer(&Report { settings })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Report {
    settings: Vec<ShownSetting>,
}

#[derive(Serialize)]
struct ShownSetting {
    key: String,
    source: &'static str,
    #[serde(flatten)]
    value: ShownValue,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ShownValue {
    /// Null if nothing is set and there is no default.
    Value(Value),
    SecretIsSet(bool),
}

impl From<Setting> for ShownSetting {
    fn from(setting: Setting) -> Self {
        let value = match setting.value {
            SettingValue::Secret { is_set } => ShownValue::SecretIsSet(is_set),
            SettingValue::Shown(json) => {
                let value = json.and_then(|json| serde_json::from_str(&json).ok());
                ShownValue::Value(value.unwrap_or_default())
            }
        };
        Self { key: setting.key, source: setting.source.as_str(), value }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |setting: &ShownSetting| {
            let value = match &setting.value {
                ShownValue::SecretIsSet(true) => "(secret, set)".to_owned(),
                ShownValue::SecretIsSet(false) => "(secret, not set)".to_owned(),
                ShownValue::Value(Value::Null) => "(none)".to_owned(),
                ShownValue::Value(value) => value.to_string(),
            };
            [setting.key.clone(), setting.source.to_owned(), value]
        };
        Table(self.settings.iter().map(row).collect()).fmt(f)
    }
}
