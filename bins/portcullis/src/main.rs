//! The Portcullis server and its command line.

mod cli;
mod command;
mod config;
mod data_dir;
mod failure;
mod logging;
mod output;
mod secret_file;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
