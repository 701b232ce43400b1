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

/// Takes most of the page faults out of hashing, which allocates 19 MiB at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
