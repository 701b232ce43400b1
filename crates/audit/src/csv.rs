//! Comma-separated values (RFC 4180) that a spreadsheet shows and does not run.
//!
//! What a spreadsheet might take for a formula gets an apostrophe in front, as OWASP advises against
//! CSV injection: at the beginning of a cell, and inside it after a semicolon, a tab or the end of a
//! line, where a spreadsheet that goes by other separators begins a cell. So does what begins with an
//! apostrophe there, which makes the rule reversible: whoever reads the file takes one apostrophe
//! away at each of these places.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::Terminator;

use crate::Entry;

/// Writes entries as lines of comma-separated values, one after the other, in constant memory.
#[derive(Debug)]
pub struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Writes the header.
    pub fn new(inner: W) -> io::Result<Self> {
        let mut form = csv::WriterBuilder::new();
        let mut writer = Self(form.terminator(Terminator::CRLF).flexible(true).from_writer(inner));
        writer.write_row(COLUMNS)?;
        Ok(writer)
    }

    /// Writes one entry.
    pub fn write<'e>(&mut self, entry: &'e Entry<'_>) -> io::Result<()> {
        let text = |cell: &'e Option<Cow<'_, str>>| cell.as_deref().unwrap_or_default().into();
        let id = |cell: Option<String>| cell.unwrap_or_default().into();
        let cells: [Cow<'e, str>; COLUMNS.len()] = [
            entry.at.to_string().into(),
            entry.id.to_string().into(),
            (&*entry.kind).into(),
            (&*entry.outcome).into(),
            (&*entry.actor).into(),
            id(entry.subject.map(|id| id.to_string())),
            id(entry.session.map(|id| id.to_string())),
            (&*entry.address).into(),
            text(&entry.user_agent),
            text(&entry.request_id),
            text(&entry.role),
            text(&entry.resource),
            text(&entry.action),
            text(&entry.owner),
            text(&entry.parties),
            text(&entry.attributes),
            id(entry.matrix_version.map(|version| version.to_string())),
            text(&entry.reason),
            text(&entry.details),
        ];
        self.write_row(&cells)
    }

    /// Writes one line of cells, whatever is in them.
    pub fn write_row<T: AsRef<str>>(&mut self, cells: &[T]) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(&*guarded(cell.as_ref()))?;
        }
        Ok(self.0.write_record(None::<&str>)?)
    }

    /// Flushes, and gives the writer back.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// The header, in the order of the cells.
const COLUMNS: &[&str] = &[
    "at",
    "id",
    "kind",
    "outcome",
    "actor",
    "subject",
    "session",
    "address",
    "user_agent",
    "request_id",
    "role",
    "resource",
    "action",
    "owner",
    "parties",
    "attributes",
    "matrix_version",
    "reason",
    "details",
];

/// The cell with an apostrophe wherever a spreadsheet might take what follows for a formula.
fn guarded(cell: &str) -> Cow<'_, str> {
    let is_harmless = |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'{' | b'[');
    let begins_harmless = cell.bytes().next().is_none_or(is_harmless);
    if begins_harmless && !cell.contains(is_separator) {
        return Cow::Borrowed(cell);
    }
    let mut text = String::with_capacity(cell.len() + 8);
    if needs_guard(cell) {
        text.push('\'');
    }
    for (index, part) in cell.split_inclusive(is_separator).enumerate() {
        if index > 0 && (part.starts_with('\'') || begins_formula(part)) {
            text.push('\'');
        }
        text.push_str(part);
    }
    Cow::Owned(text)
}

/// The semicolon and the tab separate cells where the comma is a decimal point; a line ends in the
/// middle of a quoted cell for whoever takes its quotes for text.
fn is_separator(letter: char) -> bool {
    matches!(letter, ';' | '\t' | '\r' | '\n')
}

fn needs_guard(cell: &str) -> bool {
    cell.starts_with(['\'', '\t', '\r', '\n']) || begins_formula(cell)
}

/// Spreadsheets skip blanks and invisible characters before they look for a formula, and some take
/// the signs in full width, or the mathematical minus, for the same.
fn begins_formula(text: &str) -> bool {
    let is_sign = |letter| {
        matches!(letter, '=' | '+' | '-' | '@' | '\u{2212}')
            || matches!(letter, '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    };
    text.chars().find(|letter| !is_skipped(*letter)).is_some_and(is_sign)
}

fn is_skipped(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
