//! CSV (RFC 4180) that is safe to open in a spreadsheet: no cell is executed as a formula.
//!
//! A text that a spreadsheet might take for a formula gets an apostrophe in front, as OWASP advises
//! against CSV injection: at the beginning of a cell, and inside it after a semicolon, a tab or the
//! end of a line, where a spreadsheet with other separators begins a cell. A text that begins with
//! an apostrophe there gets one as well, which makes the rule reversible: a reader removes one
//! apostrophe at each of these places.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::Terminator;

use crate::Entry;

/// Writes entries as CSV lines, in constant memory.
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

    /// Writes one line of cells with any content.
    pub fn write_row<T: AsRef<str>>(&mut self, cells: &[T]) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(&*guarded(cell.as_ref()))?;
        }
        Ok(self.0.write_record(None::<&str>)?)
    }

    /// Flushes, and returns the inner writer.
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

/// Returns the cell with an apostrophe before every text that a spreadsheet might take for a
/// formula.
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

/// Returns whether a spreadsheet may begin a cell after the character. The semicolon and the tab
/// separate cells where the comma is the decimal separator; a line break ends a quoted cell if the
/// reader takes its quotes for text.
fn is_separator(letter: char) -> bool {
    matches!(letter, ';' | '\t' | '\r' | '\n')
}

fn needs_guard(cell: &str) -> bool {
    cell.starts_with(['\'', '\t', '\r', '\n']) || begins_formula(cell)
}

/// Returns whether a spreadsheet may take the text for a formula. Spreadsheets skip blanks and
/// invisible characters, and some accept full-width signs or the mathematical minus.
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
