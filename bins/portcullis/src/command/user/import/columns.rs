//! Parses the header of the file and maps each row to its columns.

use csv::{ReaderBuilder, StringRecord};

use super::row_error::RowProblem;

/// The position of each column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    username: usize,
    email: usize,
    password_hash: usize,
    display_name: Option<usize>,
    role: Option<usize>,
    count: usize,
}

/// One unchecked row. It has no `Debug`, because hashes must not be printed.
pub(super) struct Row {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password_hash: String,
    pub(super) display_name: Option<String>,
    pub(super) role: Option<String>,
}

const KNOWN: [&str; 5] = ["username", "email", "display_name", "role", "password_hash"];

impl Columns {
    /// Reads the first line.
    pub(super) fn parse(header: &str) -> Result<Self, HeaderError> {
        let names = record(header).ok_or(HeaderError::Malformed)?;
        let names: Vec<_> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        if !names.iter().all(|name| KNOWN.contains(&name.as_str())) {
            return Err(HeaderError::Unknown);
        }
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let repeated = |wanted: &&str| names.iter().filter(|name| name == wanted).count() > 1;
        if KNOWN.iter().any(repeated) {
            return Err(HeaderError::Repeated);
        }
        let need = |wanted: &'static str| place(wanted).ok_or(HeaderError::Missing(wanted));
        Ok(Self {
            username: need("username")?,
            email: need("email")?,
            password_hash: need("password_hash")?,
            display_name: place("display_name"),
            role: place("role"),
            count: names.len(),
        })
    }

    /// Reads one further line. An empty field of an optional column counts as absent.
    pub(super) fn row(&self, line: &str) -> Result<Row, RowProblem> {
        let record = record(line).filter(|record| record.len() == self.count);
        let record = record.ok_or(RowProblem::FieldCount { expected: self.count })?;
        let field = |place: usize| record.get(place).unwrap_or_default().to_owned();
        let optional = |place: Option<usize>| place.map(field).filter(|text| !text.is_empty());
        Ok(Row {
            username: field(self.username),
            email: field(self.email),
            password_hash: field(self.password_hash),
            display_name: optional(self.display_name),
            role: optional(self.role),
        })
    }
}

/// The fault of a header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("the first line does not name the columns")]
    Malformed,
    #[error("the first line names an unknown column")]
    Unknown,
    #[error("the first line names a column twice")]
    Repeated,
    #[error("the first line names no column {0}")]
    Missing(&'static str),
}

fn record(line: &str) -> Option<StringRecord> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    reader.records().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_stand_in_any_order_and_optional_ones_be_absent() {
        let columns = Columns::parse("Password_Hash, email,username").unwrap();
        let Ok(row) = columns.row("$2b$x,\"a@example.org\",ada") else { panic!("a good row") };
        assert_eq!((row.username.as_str(), row.email.as_str()), ("ada", "a@example.org"));
        assert_eq!(row.password_hash, "$2b$x");
        assert_eq!((row.display_name, row.role), (None, None));
    }

    #[test]
    fn quoted_fields_may_hold_commas_and_quotation_marks() {
        let columns = Columns::parse("username,email,display_name,password_hash").unwrap();
        let Ok(row) = columns.row(r#"ada,a@b.cd,"Ada ""King"", Countess",h"#) else {
            panic!("a good row")
        };
        assert_eq!(row.display_name.as_deref(), Some("Ada \"King\", Countess"));
    }

    #[test]
    fn a_header_must_name_the_columns_once_each() {
        for (header, error) in [
            ("username,email", HeaderError::Missing("password_hash")),
            ("email,password_hash", HeaderError::Missing("username")),
            ("username,email,password_hash,phone", HeaderError::Unknown),
            ("username,username,email,password_hash", HeaderError::Repeated),
            ("ada,ada@example.org,$2b$10$x", HeaderError::Unknown),
        ] {
            assert_eq!(Columns::parse(header), Err(error), "{header}");
        }
    }

    #[test]
    fn a_row_must_have_as_many_fields_as_the_header() {
        let columns = Columns::parse("username,email,password_hash").unwrap();
        for line in ["ada", "ada,a@b.cd", "ada,a@b.cd,h,x"] {
            let refused = matches!(columns.row(line), Err(RowProblem::FieldCount { expected: 3 }));
            assert!(refused, "{line}");
        }
    }
}
