#![doc = include_str!("../README.md")]

mod wake_signal;

pub use wake_signal::{WakeSignal, WakeSignalError};
