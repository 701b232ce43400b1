//! Parser of the matrix file: checks the structure, not the meaning of the words.
//!
//! It reads value by value instead of with serde, because serde would stop at the first fault and
//! lose the line numbers of the others.

use std::borrow::Cow;
use std::collections::HashSet;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::fault::{Fault, FaultCode, MatrixFaults};
use crate::word::{EVERY, is_word};

/// The maximum size of a file in bytes, which bounds the work and the memory for any file.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

pub(crate) struct Document<'t> {
    /// `None` for a service without self-registration.
    pub(crate) self_registration_role: Option<LocatedWord<'t>>,
    pub(crate) resources: Vec<LocatedWord<'t>>,
    pub(crate) actions: Vec<LocatedWord<'t>>,
    /// In the order of the file.
    pub(crate) roles: Vec<RoleEntry<'t>>,
}

/// A word with its line.
#[derive(Clone, Debug)]
pub(crate) struct LocatedWord<'t> {
    pub(crate) word: Cow<'t, str>,
    pub(crate) line: usize,
}

pub(crate) struct RoleEntry<'t> {
    pub(crate) name: LocatedWord<'t>,
    pub(crate) juniors: Vec<LocatedWord<'t>>,
    pub(crate) grants: Vec<GrantEntry<'t>>,
}

pub(crate) struct GrantEntry<'t> {
    pub(crate) line: usize,
    pub(crate) resources: WordsOrEvery<'t>,
    pub(crate) actions: WordsOrEvery<'t>,
    pub(crate) when: Vec<LocatedWord<'t>>,
}

pub(crate) enum WordsOrEvery<'t> {
    Every,
    Words(Vec<LocatedWord<'t>>),
}

impl<'t> Document<'t> {
    /// Parses a file. Unreadable parts are reported in `faults`.
    ///
    /// Returns `None` when the text is not TOML, because the rest would then be guesswork.
    pub(crate) fn read(text: &'t str, faults: &mut MatrixFaults) -> Option<Self> {
        if text.len() > MAX_FILE_BYTES {
            let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
            faults.push(Fault::new(FaultCode::TooLarge, 1, message));
            return None;
        }
        let lines = Lines::of(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut last = 0;
        for error in &errors {
            let line = error.span().map_or(1, |span| lines.at(span.start));
            // Further errors on the same line are consequences of the first.
            if line != last {
                let message = error.message().lines().next().unwrap_or("not TOML");
                faults.push(Fault::new(FaultCode::Syntax, line, message));
            }
            last = line;
        }
        errors.is_empty().then(|| Reader { lines, faults }.document(table.get_ref()))
    }
}

type Key<'t> = Spanned<DeString<'t>>;
type Entry<'a, 't> = (&'a Key<'t>, &'a Spanned<DeValue<'t>>);

struct Reader<'f> {
    lines: Lines,
    faults: &'f mut MatrixFaults,
}

impl Reader<'_> {
    fn document<'t>(&mut self, table: &DeTable<'t>) -> Document<'t> {
        const KEYS: [&str; 4] = ["self_registration_role", "resources", "actions", "roles"];
        self.refuse_unknown_keys(table, &KEYS, "the file");
        let self_registration_role =
            table.get("self_registration_role").and_then(|value| self.word(value, false));
        let resources =
            self.required(table, "resources", 1, "the file").map(|value| self.words(value, true));
        let actions =
            self.required(table, "actions", 1, "the file").map(|value| self.words(value, true));
        Document {
            self_registration_role,
            resources: resources.unwrap_or_default(),
            actions: actions.unwrap_or_default(),
            roles: self.roles(table),
        }
    }

    fn roles<'t>(&mut self, table: &DeTable<'t>) -> Vec<RoleEntry<'t>> {
        let Some(value) = table.get("roles") else {
            let message = "no role at all: add a table `[roles.<name>]` for each";
            self.fault(FaultCode::NoRole, 1, message);
            return Vec::new();
        };
        let Some(table) = self.table(value, "roles") else { return Vec::new() };
        if table.is_empty() {
            let line = self.lines.of_value(value);
            let message = "no role at all: add a table `[roles.<name>]` for each";
            self.fault(FaultCode::NoRole, line, message);
        }
        // The parser sorts tables by key; the position in the file restores the order.
        let mut entries: Vec<Entry<'_, 't>> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter().filter_map(|(key, value)| self.role(key, value)).collect()
    }

    fn role<'t>(&mut self, key: &Key<'t>, value: &Spanned<DeValue<'t>>) -> Option<RoleEntry<'t>> {
        let name =
            LocatedWord { word: key.get_ref().clone(), line: self.lines.at(key.span().start) };
        self.check_word(&name);
        let place = format!("role `{}`", shown(&name.word));
        let table = self.table(value, &place)?;
        self.refuse_unknown_keys(table, &["juniors", "grants"], &place);
        let juniors = table.get("juniors").map(|value| self.words(value, false));
        let grants = table.get("grants").and_then(|value| self.array(value, "grants"));
        let grants = grants.into_iter().flatten();
        Some(RoleEntry {
            juniors: juniors.unwrap_or_default(),
            grants: grants.filter_map(|grant| self.grant(grant)).collect(),
            name,
        })
    }

    fn grant<'t>(&mut self, value: &Spanned<DeValue<'t>>) -> Option<GrantEntry<'t>> {
        let line = self.lines.of_value(value);
        let table = self.table(value, "a grant")?;
        self.refuse_unknown_keys(table, &["resources", "actions", "when"], "a grant");
        let resources = self.required(table, "resources", line, "a grant");
        let actions = self.required(table, "actions", line, "a grant");
        let when = table.get("when").map(|value| self.words(value, true));
        Some(GrantEntry {
            line,
            resources: self.words_or_every(resources?),
            actions: self.words_or_every(actions?),
            when: when.unwrap_or_default(),
        })
    }

    fn words_or_every<'t>(&mut self, value: &Spanned<DeValue<'t>>) -> WordsOrEvery<'t> {
        let items = value.get_ref().as_array().into_iter().flatten();
        let mut items = items.map(|item| item.get_ref().as_str());
        if !items.any(|item| item == Some(EVERY)) {
            return WordsOrEvery::Words(self.words(value, true));
        }
        if value.get_ref().as_array().is_some_and(|array| array.len() > 1) {
            let line = self.lines.of_value(value);
            let message = "`*` covers the other words of the list: keep one or the other";
            self.fault(FaultCode::MixedWildcard, line, message);
        }
        WordsOrEvery::Every
    }

    fn words<'t>(&mut self, value: &Spanned<DeValue<'t>>, needs_one: bool) -> Vec<LocatedWord<'t>> {
        let Some(array) = self.array(value, "this") else { return Vec::new() };
        if needs_one && array.is_empty() {
            let line = self.lines.of_value(value);
            self.fault(FaultCode::EmptyList, line, "an empty list: name at least one word");
        }
        let words: Vec<_> = array.iter().filter_map(|item| self.word(item, true)).collect();
        let mut seen = HashSet::new();
        for LocatedWord { word, line } in &words {
            if !seen.insert(word) {
                let message = format!("`{}` is in this list already", shown(word));
                self.fault(FaultCode::DuplicateWord, *line, message);
            }
        }
        words
    }

    fn word<'t>(&mut self, value: &Spanned<DeValue<'t>>, in_list: bool) -> Option<LocatedWord<'t>> {
        let line = self.lines.of_value(value);
        let DeValue::String(word) = value.get_ref() else {
            let place = if in_list { "an item of this list" } else { "this" };
            let found = value.get_ref().type_str();
            let message = format!("{place} must be a word in quotes, not {found}");
            self.fault(FaultCode::WrongType, line, message);
            return None;
        };
        let spot = LocatedWord { word: word.clone(), line };
        self.check_word(&spot).then_some(spot)
    }

    fn check_word(&mut self, LocatedWord { word, line }: &LocatedWord<'_>) -> bool {
        let sound = is_word(word);
        if !sound {
            let word = shown(word);
            let message =
                format!("`{word}` is no word: a lowercase letter, then up to 63 of a-z, 0-9 and _");
            self.fault(FaultCode::InvalidWord, *line, message);
        }
        sound
    }

    fn required<'a, 't>(
        &mut self,
        table: &'a DeTable<'t>,
        key: &str,
        line: usize,
        place: &str,
    ) -> Option<&'a Spanned<DeValue<'t>>> {
        let value = table.get(key);
        if value.is_none() {
            self.fault(FaultCode::MissingKey, line, format!("{place} must have the key `{key}`"));
        }
        value
    }

    fn refuse_unknown_keys(&mut self, table: &DeTable<'_>, known: &[&str], place: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let line = self.lines.at(key.span().start);
            let word = shown(key.get_ref());
            let known = known.join(", ");
            let message = format!("`{word}` means nothing in {place}, which has {known}");
            self.fault(FaultCode::UnknownKey, line, message);
        }
    }

    fn table<'a, 't>(
        &mut self,
        value: &'a Spanned<DeValue<'t>>,
        place: &str,
    ) -> Option<&'a DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, place, "a table");
        }
        table
    }

    fn array<'a, 't>(
        &mut self,
        value: &'a Spanned<DeValue<'t>>,
        place: &str,
    ) -> Option<&'a DeArray<'t>> {
        let array = value.get_ref().as_array();
        if array.is_none() {
            self.wrong_type(value, place, "a list");
        }
        array
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, place: &str, expected: &str) {
        let line = self.lines.of_value(value);
        let found = value.get_ref().type_str();
        self.fault(FaultCode::WrongType, line, format!("{place} must be {expected}, not {found}"));
    }

    fn fault(&mut self, code: FaultCode, line: usize, message: impl Into<String>) {
        self.faults.push(Fault::new(code, line, message));
    }
}

/// Shortens and escapes a text from a file, so that it is safe to print.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// The start offset of each line.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(newline, _)| newline + 1).collect())
    }

    /// Returns the line of a byte offset, counted from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|&start| start <= offset) + 1
    }

    fn of_value(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.at(value.span().start)
    }
}
