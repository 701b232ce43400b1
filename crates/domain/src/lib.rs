#![doc = include_str!("../README.md")]

#[cfg(feature = "accounts")]
mod account;
mod ambient;
mod authentication;
mod client_network;
mod clock;
mod debug_as_display;
#[cfg(feature = "accounts")]
mod email;
mod epoch;
mod factor;
mod id;
#[cfg(feature = "accounts")]
mod joiner;
mod network_list;
mod network_prefix;
mod random;
mod regular_file;
mod role;
mod secret;
mod session;
mod supervised;
mod text;
mod timestamp;
#[cfg(feature = "accounts")]
mod username;

#[cfg(feature = "moderation")]
mod moderation;

#[cfg(feature = "accounts")]
pub use account::{Account, DisplayName};
pub use ambient::Ambient;
pub use authentication::{AssuranceLevel, Authentication, AuthenticationMethod};
pub use client_network::{canonical_address, client_network};
pub use clock::{Clock, SystemClock};
#[doc(hidden)]
pub use debug_as_display::write_with_causes;
#[cfg(feature = "accounts")]
pub use email::{Email, EmailError};
pub use epoch::{FactorEpoch, PasswordEpoch};
pub use factor::Factor;
pub use id::{
    AccountId, ApiKeyId, EmailChangeId, EventId, InvitationId, MessageId, PasskeyId,
    RegistrationId, SessionId, TokenId,
};
#[cfg(feature = "moderation")]
pub use moderation::{Moderation, Severity};
pub use network_list::{NetworkList, NetworkListError, parse_network};
pub use network_prefix::NetworkPrefix;
pub use random::{SecureRandom, SystemRandom};
pub use regular_file::open_regular_file;
pub use role::{AccountKind, Role, TextError};
pub use secret::{ExposeSecret, SecretString, constant_time_eq};
pub use session::{Delivery, Session};
pub use supervised::Supervised;
pub use text::{is_deceptive, is_invisible};
pub use timestamp::Timestamp;
#[cfg(feature = "accounts")]
pub use username::{ReservedNames, Username, UsernameError};
