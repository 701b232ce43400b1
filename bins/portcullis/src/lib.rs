#![doc = include_str!("../README.md")]

pub mod assembly;
pub mod config;

mod backup_file;
mod checkpoint_files;
mod cli;
mod command;
mod data_dir;
mod destination;
#[cfg(test)]
mod documents;
mod failure;
mod file_limit;
mod hash_time;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod heap;
mod input;
mod jobs;
mod last_write;
mod logging;
mod moment;
mod opening;
mod operator;
mod output;
mod process;
mod progress;
mod roles;
mod running_server;
mod secret_file;
mod service_manager;
mod socket_activation;
mod table;
mod traces;

pub use cli::run;
pub use failure::Failure;
