//! The settings in force on a node, for administrators: a list that the assembly makes from its
//! configuration. A secret has no value here, so that no reader of the list can show one.

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key as the configuration file spells it, such as `server.address`.
    pub key: String,
    /// The value.
    pub value: SettingValue,
    /// The source of the value.
    pub source: SettingSource,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// The value as JSON text; `None` if nothing is set and there is no default.
    Shown(Option<String>),
    /// A secret: only whether it is set.
    Secret {
        /// True if it is set.
        is_set: bool,
    },
}

/// The source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// Nothing sets it.
    Default,
    /// The configuration file.
    File,
    /// The environment, or a file that the environment names.
    Environment,
}

impl SettingSource {
    /// All sources.
    pub const ALL: [Self; 3] = [Self::Default, Self::File, Self::Environment];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
        }
    }
}

/// The settings in force, in the order of the sample configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsInForce(pub Vec<Setting>);
