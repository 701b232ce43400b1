//! `policy rollback`: activates the previous version again.

use std::process::ExitCode;

use super::activate::Activated;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::opening;
use crate::operator::operator;
use crate::output::Output;

pub(super) fn run(loaded: LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    let operator = operator("policy rollback");
    let (_, matrices) = opening::started(&config, &operator)?;
    let answer = Activated::by(&matrices, || Ok(matrices.roll_back(None, &operator).map(drop)?))?;
    output.answer(&answer)?;
    Ok(ExitCode::SUCCESS)
}
