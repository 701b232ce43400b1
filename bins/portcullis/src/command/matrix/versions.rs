//! Reads the matrix in force and the versions in the database.

use std::sync::Arc;

use portcullis_access::Matrix;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::principal::Principal;
use portcullis_storage::Store;

use crate::config::{Config, LoadedConfig, MatrixFile};
use crate::failure::Failure;
use crate::{assembly, opening};

/// The matrix in force: from the database, before the first start from the configuration.
pub(super) struct Versions {
    file: MatrixFile,
    matrices: Option<Matrices>,
}

impl Versions {
    /// Reads the database without changing it.
    pub(super) fn open(loaded: LoadedConfig) -> Result<Self, Failure> {
        let (config, _) = loaded.sound()?;
        let store = opening::existing_store(&config)?;
        Self::over(store, config)
    }

    /// Opens the database for a use case that records events.
    pub(super) fn open_recorded(
        loaded: LoadedConfig,
        operator: &Principal,
    ) -> Result<Self, Failure> {
        let (config, _) = loaded.sound()?;
        let (store, _) = opening::needed_store(&config, &operator.origin)?;
        Self::over(Some(store), config)
    }

    fn over(store: Option<Arc<Store>>, config: Config) -> Result<Self, Failure> {
        let matrices = store.map(|store| assembly::access::matrices(&store, &config.matrix));
        matrices.as_ref().map_or(Ok(()), Matrices::follow)?;
        Ok(Self { file: config.matrix, matrices })
    }

    /// The matrix in force, or the one that the first start would activate.
    pub(super) fn in_force(&self) -> Matrix {
        self.file.active.load().matrix.clone()
    }

    /// The number of the version in force; `None` before the first start.
    pub(super) fn number(&self) -> Option<u32> {
        Some(self.file.active.load().version).filter(|number| *number > 0)
    }

    /// The name of the matrix in force, for messages.
    pub(super) fn name(&self) -> String {
        self.number().map_or_else(|| self.file.name(), |number| format!("version {number}"))
    }

    /// The text of the matrix in force.
    pub(super) fn text_in_force(&self) -> Result<String, Failure> {
        self.number().map_or_else(|| Ok(self.file.text.clone()), |number| self.text(number))
    }

    /// The text of a version.
    pub(super) fn text(&self, number: u32) -> Result<String, Failure> {
        let version = self.matrices()?.version(number)?;
        let unknown = portcullis_flows::access::matrix::MatrixError::UnknownVersion(number);
        version.map(|version| version.text).ok_or_else(|| unknown.into())
    }

    /// True if there is a database.
    pub(super) const fn has_database(&self) -> bool {
        self.matrices.is_some()
    }

    /// The use case.
    pub(super) fn matrices(&self) -> Result<&Matrices, Failure> {
        self.matrices.as_ref().ok_or_else(opening::no_database)
    }
}
