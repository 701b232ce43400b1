#![doc = include_str!("../README.md")]

mod access;
mod answer;
mod application;
mod audit;
mod docs;
mod document;
mod file_stream;
mod identity;
mod machine;
mod node;
mod openapi;
mod operations;
mod routes;
mod sign_in;
mod token_type;

pub use application::{configure, liveness};
pub use docs::VIEWER;
pub use document::document;
pub use machine::feed::Feed;
pub use node::csp_report::CspViolations;
pub use node::database_check::DatabaseCheck;
pub use node::metrics::MetricSources;
pub use node::signals::exchange_signals;
pub use operations::{operations, operations_table};
pub use routes::route_table;
