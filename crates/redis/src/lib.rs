#![doc = include_str!("../README.md")]

mod call;
mod check;
mod connection;
mod fault;
mod limiter;
mod status;
mod url;
mod wake_signal;

pub use check::{CheckError, ServerReport};
pub use connection::SetupError;
pub use fault::FailureReason;
pub use limiter::RedisLimiter;
pub use url::{RedisUrl, RedisUrlError};
pub use wake_signal::WakeSignal;
