#![doc = include_str!("../README.md")]

mod access;
mod answer;
mod application;
mod audit;
mod docs;
mod document;
mod identity;
mod machine;
mod node;
mod openapi;
mod routes;
mod services;
mod sign_in;

pub use application::{application, liveness};
pub use document::document;
pub use node::jobs::Upkeep;
pub use routes::route_table;
pub use services::{AssemblyError, Parts, Services, Storage};
