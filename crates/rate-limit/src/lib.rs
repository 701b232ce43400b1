#![doc = include_str!("../README.md")]

mod lockout;

pub use lockout::LockoutPolicy;
