//! Parser for the words of a matrix file; it ignores everything else.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The words, in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) roles: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) actions: Vec<String>,
}

impl Words {
    /// Parses a matrix file. An error names the line and the fault.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let table = DeTable::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            format!("line {}: {}", line(text, start), error.message())
        })?;
        let table = table.get_ref();
        Ok(Self {
            roles: roles(text, table)?,
            resources: list(text, table, "resources")?,
            actions: list(text, table, "actions")?,
        })
    }
}

fn roles(text: &str, table: &DeTable<'_>) -> Result<Vec<String>, String> {
    let roles = table.get("roles").and_then(|roles| roles.get_ref().as_table());
    let roles = roles.ok_or("there must be a table `[roles.<name>]` for each role")?;
    let mut roles: Vec<&Spanned<DeString<'_>>> = roles.keys().collect();
    roles.sort_by_key(|role| role.span().start);
    roles.into_iter().map(|role| word(text, role.get_ref(), role.span().start)).collect()
}

fn list(text: &str, table: &DeTable<'_>, key: &str) -> Result<Vec<String>, String> {
    let items = table.get(key).and_then(|list| list.get_ref().as_array());
    let items = items.ok_or_else(|| format!("`{key}` must be a list of words"))?;
    let item = |item: &Spanned<DeValue<'_>>| {
        let start = item.span().start;
        let text_of = item.get_ref().as_str();
        let found =
            text_of.ok_or_else(|| format!("line {}: not a word in quotes", line(text, start)))?;
        word(text, found, start)
    };
    items.iter().map(item).collect()
}

/// The same word format as in `portcullis-access`; a macro crate cannot import the crate that
/// exports it.
fn word(text: &str, word: &str, start: usize) -> Result<String, String> {
    let sound = word.len() <= 64
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    sound.then(|| word.to_owned()).ok_or_else(|| {
        let line = line(text, start);
        format!("line {line}: `{word}` is no word: a lowercase letter, then a-z, 0-9 and _")
    })
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_the_order_of_the_file() {
        let text = "resources = ['b', 'a']\nactions = ['read']\n[roles.z]\n[roles.y]\n";
        let words = Words::read(text).unwrap();
        assert_eq!(words.roles, ["z", "y"]);
        assert_eq!(words.resources, ["b", "a"]);
        assert_eq!(words.actions, ["read"]);
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, fault) in [
            ("resources = [\n'a',\n'B']\nactions = []\n[roles.z]", "line 3: `B` is no word"),
            ("resources = []\nactions = [\n1]\n[roles.z]", "line 3: not a word in quotes"),
            ("resources = []\nactions = []\n[roles.'*']", "line 3: `*` is no word"),
            ("\nresources = [", "line 2: "),
            ("resources = []\n[roles.z]", "`actions` must be a list"),
            ("resources = []\nactions = []", "there must be a table"),
        ] {
            let message = Words::read(text).unwrap_err();
            assert!(message.starts_with(fault), "{message}");
        }
    }
}
