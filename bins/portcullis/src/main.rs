//! The Portcullis server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::run(std::env::args_os().collect())
}
