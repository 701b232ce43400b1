//! `Strings`: all texts of the mails, by section and key; the file `strings.toml`.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The built-in texts, in English.
const BUILT_IN: &str = include_str!("../templates/strings.toml");

/// All texts, each a template of its own.
#[derive(Clone, Debug)]
pub(crate) struct Strings(BTreeMap<(String, String), String>);

impl Strings {
    /// The built-in texts, with those of another file in place of some. Returns the faults of that file as
    /// well.
    pub(crate) fn with(changed: Option<&str>) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        // A test parses the built-in file.
        let mut texts = read(BUILT_IN).unwrap_or_default();
        match changed.map(read) {
            None => {}
            Some(Err(fault)) => faults.push(fault),
            Some(Ok(changed)) => {
                for ((section, key), text) in changed {
                    match texts.get_mut(&(section.clone(), key.clone())) {
                        Some(place) => *place = text,
                        None => faults.push(format!("[{section}] {key} is not a text of a mail")),
                    }
                }
            }
        }
        (Self(texts), faults)
    }

    /// All texts, with section and key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().map(|((section, key), text)| (section.as_str(), key.as_str(), text.as_str()))
    }
}

fn read(text: &str) -> Result<BTreeMap<(String, String), String>, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default());
        let line = line.map_or(1, |before| before.matches('\n').count() + 1);
        format!("line {line}: {}", error.message())
    })?;
    let mut texts = BTreeMap::new();
    for (section, keys) in table {
        let Value::Table(keys) = keys else {
            return Err(format!("{section} is not a section such as [reset_password]"));
        };
        for (key, text) in keys {
            let Value::String(text) = text else {
                return Err(format!("[{section}] {key} is not a text in quotation marks"));
            };
            texts.insert((section.clone(), key), text);
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use portcullis_flows::node::mail::{Factor, Mail};

    use super::*;

    impl Strings {
        fn has(&self, section: &str, key: &str) -> bool {
            self.0.contains_key(&(section.to_owned(), key.to_owned()))
        }
    }

    #[test]
    fn every_kind_of_mail_and_every_factor_has_its_texts() {
        let (strings, _) = Strings::with(None);
        for mail in Mail::samples() {
            for key in ["subject", "text", "note"] {
                assert!(strings.has(mail.kind(), key), "[{}] {key}", mail.kind());
            }
            let has_link = mail.purpose().is_some_and(|purpose| !purpose.is_code());
            assert_eq!(strings.has(mail.kind(), "action"), has_link);
        }
        for factor in [Factor::Totp, Factor::Passkey, Factor::BackupCodes] {
            assert!(strings.has("factors", factor.as_str()));
        }
    }

    #[test]
    fn a_changed_text_takes_the_place_of_the_built_in_one_and_an_unknown_one_is_a_fault() {
        let (strings, faults) = Strings::with(Some("[common]\ngreeting = \"Guten Tag,\""));
        assert!(faults.is_empty());
        assert!(strings.iter().any(|text| text == ("common", "greeting", "Guten Tag,")));
        assert!(strings.has("common", "footer"));
        for (text, fault) in [
            ("[common]\ngreting = \"x\"", "[common] greting is not a text of a mail"),
            ("[common]\ngreeting = 1", "[common] greeting is not a text in quotation marks"),
            ("greeting = \"x\"", "greeting is not a section such as [reset_password]"),
        ] {
            assert_eq!(Strings::with(Some(text)).1, [fault]);
        }
        let (_, faults) = Strings::with(Some("[common]\n\ngreeting = x"));
        assert!(faults[0].starts_with("line 3: "), "{faults:?}");
    }
}
