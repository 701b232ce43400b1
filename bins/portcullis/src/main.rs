//! The Portcullis server and its command line.

mod checkpoint_files;
mod cli;
mod command;
mod config;
mod data_dir;
mod destination;
mod failure;
mod file_limit;
mod logging;
mod moment;
mod opening;
mod output;
mod progress;
mod roles;
mod secret_file;
mod table;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
