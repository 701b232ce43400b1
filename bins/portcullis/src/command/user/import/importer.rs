//! Creates accounts from rows, one batch at a time.

use std::sync::Arc;

use portcullis_audit::Origin;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::access::matrix::MatrixInForce;
use portcullis_flows::identity::provisioning::{Import, ImportResult, ImportRow, Provisioning};
use portcullis_flows::identity::registration::Creation;
use portcullis_flows::sign_in::{Identifier, SignInStore};
use portcullis_storage::Store;

use super::columns::Row;
use super::row_error::{RowProblem, SkippedLine};
use super::tally::ImportCounts;
use crate::failure::Failure;
use crate::operator::local_origin;
use crate::roles;

/// Collects rows and stores them in batches.
pub(super) struct Importer {
    provisioning: Provisioning,
    store: Arc<Store>,
    matrix: Arc<MatrixInForce>,
    origin: Origin,
    begun_at: Timestamp,
    capacity: usize,
    numbers: Vec<u64>,
    batch: Vec<Import>,
    tally: ImportCounts,
}

impl Importer {
    pub(super) fn new(
        provisioning: Provisioning,
        store: Arc<Store>,
        matrix: Arc<MatrixInForce>,
        capacity: usize,
    ) -> Self {
        Self {
            provisioning,
            store,
            matrix,
            origin: local_origin("user import"),
            begun_at: Ambient::system().now(),
            capacity,
            numbers: Vec::new(),
            batch: Vec::new(),
            tally: ImportCounts::default(),
        }
    }

    /// Adds one line. Returns the lines found to be faulty.
    pub(super) fn take(
        &mut self,
        number: u64,
        row: Result<Row, RowProblem>,
    ) -> Result<Vec<SkippedLine>, Failure> {
        match row.and_then(|row| self.check(row)) {
            Ok(import) => {
                self.numbers.push(number);
                self.batch.push(import);
            }
            Err(problem) => {
                self.tally.refused += 1;
                return Ok(vec![SkippedLine { number, problem }]);
            }
        }
        if self.batch.len() < self.capacity { Ok(Vec::new()) } else { self.finish() }
    }

    /// Stores the collected rows. Returns the lines found to be faulty.
    pub(super) fn finish(&mut self) -> Result<Vec<SkippedLine>, Failure> {
        let verdicts = self.provisioning.import(&self.batch).map_err(|error| {
            let remedy = "run the same command again: it skips accounts that are stored already";
            Failure::failed(error, remedy)
        })?;
        let is_done = |verdict: &&ImportResult| **verdict == ImportResult::Tried(Creation::Done);
        let created = u64::try_from(verdicts.iter().filter(is_done).count()).unwrap_or(u64::MAX);
        self.tally.created += created;
        let mut bad = Vec::new();
        let rows =
            std::mem::take(&mut self.numbers).into_iter().zip(std::mem::take(&mut self.batch));
        for ((number, import), verdict) in rows.zip(verdicts) {
            let problem = match verdict {
                ImportResult::Tried(Creation::Done) => continue,
                ImportResult::Present if self.is_repeated(&import)? => RowProblem::Repeated,
                ImportResult::Present => {
                    self.tally.already_present += 1;
                    continue;
                }
                ImportResult::Tried(Creation::UsernameTaken) => RowProblem::UsernameTaken,
                ImportResult::Tried(Creation::EmailTaken) => RowProblem::EmailTaken,
                ImportResult::Tried(Creation::Superseded) => RowProblem::MatrixSuperseded,
            };
            self.tally.refused += 1;
            bad.push(SkippedLine { number, problem });
        }
        Ok(bad)
    }

    pub(super) const fn tally(&self) -> ImportCounts {
        self.tally
    }

    fn check(&self, row: Row) -> Result<Import, RowProblem> {
        let role = match row.role {
            Some(word) => {
                Some(roles::find(&self.matrix.matrix, &word).ok_or(RowProblem::UnknownRole)?)
            }
            None => None,
        };
        let row = ImportRow {
            username: row.username,
            email: row.email,
            display_name: row.display_name,
            role,
            password_hash: row.password_hash,
        };
        Ok(self.provisioning.check_row(row, &self.origin)?)
    }

    /// True if this run created the existing account, from an earlier line. The query keeps memory
    /// bounded, and is skipped while this run has created no account.
    fn is_repeated(&self, import: &Import) -> Result<bool, Failure> {
        if self.tally.created == 0 {
            return Ok(false);
        }
        let name = Identifier::Username(import.account.username.clone());
        let present = self.store.credentials(&name)?;
        Ok(present.is_some_and(|present| present.account.created_at >= self.begun_at))
    }
}
