//! The content of a backup of SQLite: a database file, copied by `VACUUM INTO`.
//!
//! The copy is beside the database, where the same data is anyway. A restore writes a draft beside the database,
//! which takes its place when it is complete.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use portcullis_flows::node::backup::{BackupError, Manifest};
use portcullis_flows::node::restore::RestoreError;
use rustix::fs::{Mode, OFlags};

use super::manifest;
use crate::connection::{Connection, Inner, Manager, Purpose};
use crate::database::Database;
use crate::database_url::DatabaseUrl;
use crate::failure::Failure;
use crate::private_file;

/// A copy beside the database, locked as long as the value lives.
pub(super) struct Copy {
    path: PathBuf,
    file: File,
}

impl Drop for Copy {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Copies the database in one snapshot, while others read and write it.
pub(super) fn copy(connection: &mut Connection) -> Result<Result<Copy, BackupError>, Failure> {
    let Inner::Sqlite(inner) = &mut connection.inner else {
        return Err(Failure::Backup("it is one of SQLite".to_owned()));
    };
    let name =
        diesel::dsl::sql::<Text>("SELECT file FROM pragma_database_list WHERE name = 'main'");
    let database: String = name.get_result(inner)?;
    let path = beside(Path::new(&database), ".backup");
    // What a killed backup left is removed first.
    let Some(file) = locked(&path)? else { return Ok(Err(BackupError::InProgress)) };
    let copy = Copy { path, file };
    let into = diesel::sql_query("VACUUM INTO ?");
    into.bind::<Text, _>(copy.path.to_string_lossy()).execute(inner)?;
    Ok(Ok(copy))
}

/// Writes manifest and content.
pub(super) fn write(copy: &Copy, to: &mut dyn Write) -> Result<Manifest, BackupError> {
    let database = Database::new(&DatabaseUrl::Sqlite(copy.path.clone()), 1);
    let manifest = manifest::of(&database)?;
    drop(database);
    manifest.write(to)?;
    let mut file = &copy.file;
    io::copy(&mut file, to)?;
    Ok(manifest)
}

/// A database file that will take the place of another one.
///
/// Dropped before [`Replacement::finish`], it leaves everything as it was.
pub struct Replacement {
    target: PathBuf,
    draft: PathBuf,
    file: File,
    /// The database that is replaced, locked against every other use.
    former: Option<Connection>,
}

impl Replacement {
    /// Prepares the replacement of this database, which no program may use. An existing database is replaced only
    /// with `replaces`.
    pub fn begin(target: &Path, replaces: bool) -> Result<Self, RestoreError> {
        let target = match target.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => target.to_owned(),
            found => found?,
        };
        let draft = beside(&target, ".restore");
        let file = locked(&draft)?.ok_or(RestoreError::InUse)?;
        let mut replacement = Self { target, draft, file, former: None };
        if fs::metadata(&replacement.target).is_ok_and(|found| found.len() > 0) {
            if !replaces {
                return Err(RestoreError::NotEmpty);
            }
            replacement.former = Some(locked_database(&replacement.target)?);
        }
        let log = beside(&replacement.target, "-wal");
        // Its transactions would be applied to the restored file.
        if fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
            return Err(RestoreError::InUse);
        }
        Ok(replacement)
    }

    /// The file of the draft, for its content.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The database of the draft. Nothing may use it any more when [`Replacement::finish`] is called.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::Sqlite(self.draft.clone())
    }

    /// Checks the structure of the draft.
    pub fn check(&self) -> Result<(), RestoreError> {
        let database = Database::new(&self.url(), 1);
        let found = database.on_one_connection(|connection| {
            let Inner::Sqlite(inner) = &mut connection.inner else { return Ok(Vec::new()) };
            let check = diesel::dsl::sql::<Text>("PRAGMA quick_check(1)");
            Ok(check.load::<String>(inner)?)
        });
        match found.map_err(BackupError::from)?.as_slice() {
            [only] if only == "ok" => Ok(()),
            faults => Err(BackupError::Invalid(faults.join("; ")).into()),
        }
    }

    /// Puts the draft in the place of the database, at once and for good. Returns the name under which the former
    /// database is kept.
    pub fn finish(self, suffix: &str) -> Result<Option<PathBuf>, RestoreError> {
        let draft = Database::new(&self.url(), 1);
        // The last connection that closes a database in this mode leaves no other file.
        draft
            .on_one_connection(|connection| match &mut connection.inner {
                Inner::Sqlite(inner) => Ok(inner.batch_execute("PRAGMA journal_mode = DELETE")?),
                Inner::Postgres(_) => Ok(()),
            })
            .map_err(BackupError::from)?;
        drop(draft);
        self.file.sync_all()?;
        let kept = self.former.as_ref().map(|_| beside(&self.target, suffix));
        if let Some(kept) = &kept {
            fs::hard_link(&self.target, kept)?;
        }
        let shared = beside(&self.target, "-shm");
        if self.former.is_none() && shared.exists() {
            fs::remove_file(shared)?;
        }
        fs::rename(&self.draft, &self.target)?;
        if let Some(folder) = self.target.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        Ok(kept)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // After `finish` there is nothing of that name.
        remove(&self.draft);
    }
}

/// Opens a database so that no other program can use it, without a write-ahead log.
fn locked_database(path: &Path) -> Result<Connection, RestoreError> {
    use r2d2::ManageConnection;
    let url = DatabaseUrl::Sqlite(path.to_owned());
    let manager = Manager { url, purpose: Purpose::Read };
    let unusable =
        |error: String| RestoreError::Store(portcullis_flows::StoreError::Unavailable(error));
    let mut connection = manager.connect().map_err(|error| unusable(error.to_string()))?;
    let Inner::Sqlite(inner) = &mut connection.inner else { return Err(RestoreError::InUse) };
    let lock = "PRAGMA query_only = OFF; PRAGMA busy_timeout = 1000; PRAGMA journal_mode = DELETE;
        PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
    match inner.batch_execute(lock) {
        Ok(()) => Ok(connection),
        Err(error) if error.to_string().contains("locked") => Err(RestoreError::InUse),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// Opens an empty file for its owner, locked against other programs; `None` if another program has locked it.
///
/// An existing file is used only if it has no other name: a link in the folder of the database must not lead the
/// content, or the writes of an administrator, to another file.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let owner_only = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, owner_only)?);
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() > 1 {
        return Err(io::Error::other(format!("{} is a link: remove it", path.display())));
    }
    rustix::fs::fchmod(&file, owner_only)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    file.set_len(0)?;
    for suffix in private_file::SIDECAR_SUFFIXES {
        drop(fs::remove_file(beside(path, suffix)));
    }
    Ok(Some(file))
}

/// Removes a database with the files beside it.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        drop(fs::remove_file(beside(path, suffix)));
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
