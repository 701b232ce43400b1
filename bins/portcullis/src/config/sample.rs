//! The sample configuration, which has every key with its meaning and its default.

use toml::Value;

pub(crate) const SAMPLE: &str = include_str!("../../config/portcullis.toml");

/// Lines of the sample without a blank line between them.
#[derive(Default)]
pub(crate) struct Group {
    /// The section that begins here.
    pub(crate) section: Option<&'static str>,
    /// The section of the keys; empty before the first one.
    pub(crate) within: &'static str,
    /// The meaning of the section, or of the keys.
    pub(crate) comment: String,
    pub(crate) keys: Vec<SampleKey>,
}

/// A key of the sample.
pub(crate) struct SampleKey {
    pub(crate) name: &'static str,
    /// The value as it is written.
    text: &'static str,
    /// True if the sample has it in a comment, so that its value there is an example.
    pub(crate) is_comment: bool,
}

impl Group {
    /// The whole name of one of the keys.
    pub(crate) fn path(&self, key: &SampleKey) -> String {
        let within = self.within;
        if within.is_empty() { key.name.to_owned() } else { format!("{within}.{}", key.name) }
    }
}

impl SampleKey {
    /// The value as TOML, for the page of settings.
    #[cfg(test)]
    pub(crate) const fn text(&self) -> &'static str {
        self.text
    }

    /// The value.
    pub(crate) fn value(&self) -> Option<Value> {
        self.text.parse().ok()
    }
}

/// The groups of the sample, in their order.
pub(crate) fn groups() -> impl Iterator<Item = Group> {
    let mut within = "";
    SAMPLE.split("\n\n").map(move |lines| {
        let mut group = Group::default();
        for line in lines.lines() {
            let (text, is_comment) = match line.strip_prefix('#') {
                Some(text) => (text.trim(), true),
                None => (line, false),
            };
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                group.section = Some(name);
                within = name;
            } else if let Some((name, text)) = assignment(text) {
                group.keys.push(SampleKey { name, text, is_comment });
            } else {
                group.comment.push_str(text);
                group.comment.push(' ');
            }
        }
        Group { within, ..group }
    })
}

fn assignment(line: &'static str) -> Option<(&'static str, &'static str)> {
    let (name, text) = line.split_once(" = ")?;
    let is_key = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_key.then(|| text.parse().ok()).flatten().map(|_: Value| (name, text))
}
