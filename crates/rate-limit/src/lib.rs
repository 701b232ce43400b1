#![doc = include_str!("../README.md")]

mod ban;
mod breaker;
mod demand;
mod gcra;
pub mod headers;
mod key;
mod limiter;
mod lockout;
mod quota;
mod shard;
mod shared;
mod slab;
mod sliding_log;
mod state;
mod table;
mod window;

pub use ban::{BanPolicy, FormerBan, OffenceCounter, PAUSE as OFFENCE_PAUSE};
pub use breaker::{Breaker, BreakerSettings, BreakerState, Permit};
pub use demand::{Demand, MAX_DEMANDS, TooManyDemands};
pub use gcra::Gcra;
pub use key::{AddressPrefix, AddressPrefixError, Subject};
pub use limiter::LocalLimiter;
pub use lockout::LockoutPolicy;
pub use quota::{Algorithm, MAX_SLIDING_LIMIT, Quota, QuotaError};
pub use shared::{Limiter, SharedLimiter, Unavailable};
pub use sliding_log::SlidingLog;
pub use state::{QuotaState, States};
