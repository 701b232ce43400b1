//! `policy history`: lists all activations with version, time and actor, and all versions.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Timestamp;
use serde::Serialize;

use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

pub(super) fn run(loaded: LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let opened = Versions::open(loaded)?;
    let matrices = opened.matrices()?;
    let activations = matrices.history()?.into_iter().map(|activation| Activation {
        revision: activation.revision,
        version: activation.version,
        by: activation.by.to_string(),
        at: activation.at,
    });
    let versions = matrices.versions()?.into_iter().map(|version| Version {
        number: version.number,
        by: version.by.to_string(),
        at: version.at,
    });
    output.answer(&History {
        in_force: opened.number(),
        activations: activations.collect(),
        versions: versions.collect(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The last hundred activations and versions, newest first.
#[derive(Serialize)]
struct History {
    in_force: Option<u32>,
    activations: Vec<Activation>,
    versions: Vec<Version>,
}

#[derive(Serialize)]
struct Activation {
    revision: u64,
    version: u32,
    by: String,
    at: Timestamp,
}

#[derive(Serialize)]
struct Version {
    number: u32,
    by: String,
    at: Timestamp,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activation = |Activation { version, by, at, .. }: &Activation| {
            [at.to_string(), format!("version {version} activated"), format!("by {by}")]
        };
        let version = |Version { number, by, at }: &Version| {
            [at.to_string(), format!("version {number} added"), format!("by {by}")]
        };
        let activations = self.activations.iter().map(activation);
        Table(activations.chain(self.versions.iter().map(version)).collect()).fmt(f)?;
        match self.in_force {
            Some(number) => write!(f, "In force: version {number}"),
            None => f.write_str("No version is in force yet; the first start activates one."),
        }
    }
}
