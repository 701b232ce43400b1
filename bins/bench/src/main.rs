//! Load test of a built Portcullis server on the same machine, with baselines.
//!
//! An absolute figure depends on the machine more than on the server. So each figure is measured in turn
//! with a baseline that does the unavoidable part of the same work, and the result is the ratio of each
//! pair. Speed is printed and never asserted; only a wrong answer fails the run.

mod accounts;
mod authenticator;
mod baseline;
mod bench;
mod client;
mod comparison;
mod load;
mod machine;
mod measurement;
mod memory;
mod options;
mod outcome;
mod processor;
mod program;
mod quantity;
mod questions;
mod recording;
mod redis;
mod report;
mod run;
mod server;
mod statistics;
mod trail;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Options, Role};

fn main() -> ExitCode {
    let mut options = Options::parse();
    let outcome = match options.role.take() {
        Some(Role::Baseline(handler)) => baseline::handler::serve(&handler),
        None => run::run(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::progress(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
