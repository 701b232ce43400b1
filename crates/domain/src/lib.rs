#![doc = include_str!("../README.md")]

mod account;
mod clock;
mod email;
mod id;
mod password_epoch;
mod random;
mod secret;
mod session;
mod supervised;
mod text;
mod timestamp;
mod username;

#[cfg(feature = "moderation")]
mod moderation;

pub use account::{Account, AccountKind, DisplayName, Role, TextError};
pub use clock::{Clock, SystemClock};
pub use email::{Email, EmailError};
pub use id::{AccountId, EventId, SessionId, TokenId};
#[cfg(feature = "moderation")]
pub use moderation::{Moderation, Severity};
pub use password_epoch::PasswordEpoch;
pub use random::{SecureRandom, SystemRandom};
pub use secret::{ExposeSecret, SecretString, constant_time_eq};
pub use session::{Delivery, Session};
pub use supervised::Supervised;
pub use text::{is_deceptive, is_invisible};
pub use timestamp::Timestamp;
pub use username::{ReservedNames, Username, UsernameError};
