//! The content of a backup of PostgreSQL: for each table a line `T` with its name, a line `R` with each row as JSON,
//! and a last line `E` with the number of rows. JSON is exact here: texts, whole numbers, truth values, and the text
//! forms of ids, times and bytes.

use std::io::{BufRead, BufReader, Read, Write};

use diesel::connection::SimpleConnection;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::Text;
use portcullis_flows::node::backup::{DatabaseKind, Manifest};
use portcullis_flows::node::restore::{RestoreError, Voided, Voiding};

use super::manifest;
use crate::connection::{Connection, Inner, Lock, use_alone};
use crate::failure::Failure;
use crate::migration;
use crate::node::restore::void;

/// All tables except that of the migrations, each after the tables that it refers to. A table of a later version is
/// added here.
const TABLES: &[&str] = &[
    "accounts",
    "sessions",
    "refresh_tokens",
    "sign_in_failures",
    "network_failures",
    "devices",
    "pending_registrations",
    "invitations",
    "email_changes",
    "mail_allowances",
    "mail_secrets",
    "former_emails",
    "outbox",
    "totp_factors",
    "totp_enrolments",
    "backup_codes",
    "passkeys",
    "passkey_challenges",
    "sign_in_challenges",
    "api_keys",
    "revocations",
    "revocation_feed",
    "bans",
    "ban_revision",
    "matrix_versions",
    "matrix_activations",
    "signing_keys",
    "shared_keys",
    "secret_fingerprint",
    "setup",
    "jobs",
    "write_probes",
    "audit_chains",
    "audit_checkpoints",
    "audit_checkpointed",
    "security_events",
    "decision_blocks",
    "sign_in_hours",
    "sign_in_positions",
    "sign_in_refusals",
];

/// The work of a backup takes as long as it takes.
const NO_TIMEOUT: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// The maximum length of a row: a block of decisions takes about 3 MiB.
const MAX_ROW: u64 = 64 * 1024 * 1024;

/// Rows that are inserted by one statement: at most this many, and about this many bytes.
const ROWS: usize = 2_000;
const BYTES: usize = 2 * 1024 * 1024;

/// Writes the content from one snapshot.
pub(super) fn write(connection: &mut Connection, to: &mut dyn Write) -> Result<Manifest, Failure> {
    connection.read_snapshot(|connection| {
        postgres(connection)?.batch_execute(NO_TIMEOUT)?;
        let manifest = manifest::read(connection)?;
        manifest.write(to)?;
        let mut rows: u64 = 0;
        for table in TABLES {
            if migration::has_table(connection, table)? {
                writeln!(to, "T{table}")?;
                rows = rows.saturating_add(write_table(connection, table, to)?);
            }
        }
        writeln!(to, "E{rows}")?;
        Ok(manifest)
    })
}

fn write_table(
    connection: &mut Connection,
    table: &str,
    to: &mut dyn Write,
) -> Result<u64, Failure> {
    let rows = format!("SELECT row_to_json(stored)::text FROM {table} AS stored");
    let rows = diesel::dsl::sql::<Text>(&rows);
    let mut count: u64 = 0;
    for row in rows.load_iter::<String, PgRowByRowLoadingMode>(postgres(connection)?)? {
        writeln!(to, "R{}", row?)?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Restores the rows in the transaction that has begun.
pub(super) fn restore(
    connection: &mut Connection,
    manifest: &Manifest,
    rows: &mut dyn Read,
    replaces: bool,
    voiding: Voiding,
) -> Result<Result<Voided, RestoreError>, Failure> {
    postgres(connection)?.batch_execute(NO_TIMEOUT)?;
    if !use_alone(connection)? {
        return Ok(Err(RestoreError::InUse));
    }
    Lock::Migration.take(connection)?;
    if migration::is_newer(DatabaseKind::Postgres, &manifest.migrations)? {
        return Ok(Err(RestoreError::Newer("database of the backup")));
    }
    if let Some(refusal) = clear(connection, replaces)? {
        return Ok(Err(refusal));
    }
    migration::apply_only(connection, &manifest.migrations)?;
    load(connection, rows)?;
    migration::apply(connection)?;
    Ok(Ok(void(connection, voiding)?))
}

/// Removes the existing tables; returns why this is refused.
fn clear(connection: &mut Connection, replaces: bool) -> Result<Option<RestoreError>, Failure> {
    let mut existing = Vec::new();
    for table in TABLES {
        if migration::has_table(connection, table)? {
            existing.push(*table);
        }
    }
    let applied = migration::applied(connection)?;
    if existing.is_empty() && applied.is_empty() {
        return Ok(None);
    }
    if !replaces {
        return Ok(Some(RestoreError::NotEmpty));
    }
    if migration::is_newer(DatabaseKind::Postgres, &applied)? {
        return Ok(Some(RestoreError::Newer("database to replace")));
    }
    if !existing.is_empty() {
        // Without rows each migration is reverted at once.
        let truncate = format!("TRUNCATE {}", existing.join(", "));
        postgres(connection)?.batch_execute(&truncate)?;
    }
    migration::revert_all(connection)?;
    Ok(None)
}

fn load(connection: &mut Connection, rows: &mut dyn Read) -> Result<(), Failure> {
    let mut lines = BufReader::with_capacity(256 * 1024, rows);
    let mut table: Option<Table> = None;
    let mut loaded: u64 = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut lines).take(MAX_ROW).read_until(b'\n', &mut line)?;
        let text = std::str::from_utf8(&line).ok().and_then(|text| text.strip_suffix('\n'));
        let text = text.ok_or_else(|| invalid("a line is not complete"))?;
        if let Some(row) = text.strip_prefix('R') {
            let table = table.as_mut().ok_or_else(|| invalid("a row belongs to no table"))?;
            table.add(row, connection)?;
            loaded = loaded.saturating_add(1);
            continue;
        }
        if let Some(complete) = table.take() {
            complete.insert(connection)?;
        }
        if let Some(name) = text.strip_prefix('T') {
            table = Some(Table::begin(name, connection)?);
        } else if text.strip_prefix('E') == Some(&loaded.to_string()) {
            return Ok(());
        } else {
            return Err(invalid("the number of its rows is another one"));
        }
    }
}

/// The rows of a table that are inserted next.
struct Table {
    insert: String,
    rows: String,
    count: usize,
}

impl Table {
    /// Prepares a table, and removes the rows that the migrations wrote into it.
    fn begin(name: &str, connection: &mut Connection) -> Result<Self, Failure> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_word) {
            return Err(invalid("the name of a table is not valid"));
        }
        // A generated column takes no value.
        let columns = diesel::sql_query(
            "SELECT attname::text AS name FROM pg_attribute
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
             ORDER BY attnum",
        );
        let columns: Vec<Column> = columns.bind::<Text, _>(name).load(postgres(connection)?)?;
        if columns.is_empty() {
            return Err(invalid("it has a table that its schema has not"));
        }
        let columns: Vec<String> =
            columns.into_iter().map(|column| format!("\"{}\"", column.name)).collect();
        let columns = columns.join(", ");
        postgres(connection)?.batch_execute(&format!("DELETE FROM {name}"))?;
        let insert = format!(
            "INSERT INTO {name} ({columns})
             SELECT {columns} FROM json_populate_recordset(NULL::{name}, $1::json)"
        );
        Ok(Self { insert, rows: String::new(), count: 0 })
    }

    fn add(&mut self, row: &str, connection: &mut Connection) -> Result<(), Failure> {
        self.rows.push(if self.count == 0 { '[' } else { ',' });
        self.rows.push_str(row);
        self.count = self.count.saturating_add(1);
        if self.count >= ROWS || self.rows.len() >= BYTES {
            self.flush(connection)?;
        }
        Ok(())
    }

    fn insert(mut self, connection: &mut Connection) -> Result<(), Failure> {
        self.flush(connection)
    }

    fn flush(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        if self.count == 0 {
            return Ok(());
        }
        self.rows.push(']');
        let insert = diesel::sql_query(&self.insert).bind::<Text, _>(&self.rows);
        let inserted = insert.execute(postgres(connection)?)?;
        if inserted != self.count {
            return Err(invalid("a row is not one row"));
        }
        self.rows.clear();
        self.count = 0;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

fn postgres(connection: &mut Connection) -> Result<&mut PgConnection, Failure> {
    match &mut connection.inner {
        Inner::Postgres(inner) => Ok(inner),
        Inner::Sqlite(_) => Err(invalid("it is one of PostgreSQL, and the database is SQLite")),
    }
}

fn invalid(fault: &str) -> Failure {
    Failure::Backup(fault.to_owned())
}
