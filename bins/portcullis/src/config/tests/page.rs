//! The page of settings, docs/reference/configuration.md, from the sample file, whose keys and defaults are
//! compared with the server by other tests.

use std::fmt::Write;

use toml::Value;

use crate::config::sample::{Group, SampleKey, groups};
use crate::config::variables::{SHORT_NAMES, is_secret};
use crate::documents::{compare, escape};

const HEAD: &str = "\
# All settings

This page is generated from [config/portcullis.toml](../../config/portcullis.toml) (`just reference`), and a test compares
both. [Configuration](../configuration.md) is the short page.

The file is that of `--config`, else of `PORTCULLIS__CONFIG`, else `portcullis.toml` in the data directory. A variable of
the environment overrides the file. In a variable a list is written `a,b`. An empty variable counts as not set. A secret
can be read from a file of its own: its variable has the suffix `_FILE`. *Depends* means that the default depends on other
settings or on the machine; then the meaning names it. `portcullis config check` reports every value out of its range.
";

#[test]
fn the_page_of_settings_is_generated_from_the_sample_file() {
    let mut page = HEAD.to_owned();
    push_section(&mut page, "", "");
    for group in groups() {
        if let Some(name) = group.section {
            push_section(&mut page, name, &group.comment);
        }
        if !group.keys.is_empty() {
            push_group(&mut page, &group);
        }
    }
    compare("configuration.md", &page);
}

fn push_section(page: &mut String, name: &str, comment: &str) {
    let title = if name.is_empty() { "Without a section".to_owned() } else { format!("`{name}`") };
    write!(page, "\n## {title}\n").unwrap();
    if !comment.is_empty() {
        write!(page, "\n{}\n", linked(comment)).unwrap();
    }
    if name == "services" {
        page.push_str("\nOne key for each service, `services.NAME` with the digest as text.\n");
    } else {
        page.push_str("\n| Setting | Type and default | Meaning |\n|---|---|---|\n");
    }
}

fn push_group(page: &mut String, group: &Group) {
    // The comment of a section stands above its table.
    let meaning = if group.section.is_some() { String::new() } else { linked(&group.comment) };
    for (at, key) in group.keys.iter().enumerate() {
        let (text, value) = (key.text(), key.value().unwrap());
        let SampleKey { name, is_comment, .. } = key;
        let path = group.path(key);
        let default = if *is_comment { "depends".to_owned() } else { format!("`{text}`") };
        let meaning = match at {
            _ if group.section.is_some() => "",
            0 => meaning.as_str(),
            _ => "as above",
        };
        let names = variables(&path).join("<br>");
        writeln!(page, "| `{name}`<br>{names} | {}<br>{default} | {meaning} |", type_of(&value))
            .unwrap();
    }
}

/// The names of the variables of a key.
fn variables(path: &str) -> Vec<String> {
    let long = format!("PORTCULLIS__{}", path.to_uppercase().replace('.', "__"));
    let short =
        SHORT_NAMES.iter().filter(|(_, key)| *key == path).map(|(name, _)| (*name).to_owned());
    let names: Vec<String> = short.chain([long]).collect();
    let files = names.first().filter(|_| is_secret(path)).map(|name| format!("{name}_FILE"));
    names.iter().cloned().chain(files).map(|name| format!("`{name}`")).collect()
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Float(_) => "number",
        Value::Boolean(_) => "boolean",
        Value::Array(_) => "list",
        Value::Table(_) => "table",
        _ => "text",
    }
}

/// The comment with a link to each page that it names.
fn linked(comment: &str) -> String {
    let words = comment.split_whitespace().map(|word| {
        let name = word.trim_end_matches(['.', ',', ':']);
        let rest = word.strip_prefix(name).unwrap_or_default();
        match name.strip_prefix("docs/") {
            Some(page) => format!("[{page}](../{page}){rest}"),
            None => word.to_owned(),
        }
    });
    escape(&words.collect::<Vec<_>>().join(" "))
}
