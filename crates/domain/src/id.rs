//! Identifiers: one UUIDv7 type for each of account, passkey, session, token, API key, audit event, message,
//! invitation, registration and change of an address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{SecureRandom, Timestamp};

/// Declares an identifier: a distinct type around a UUIDv7 (RFC 9562 section 5.7), so that ids of
/// different things cannot be mixed up. Ids sort by creation time and are not secret.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates an id: 48 bits of `now` in milliseconds, the rest random.
            pub fn generate(now: Timestamp, random: &dyn SecureRandom) -> Self {
                Self(uuid_v7(now, random))
            }

            /// Wraps an existing id, as read from the database.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The plain UUID.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// The id of an account.
    AccountId
);
id!(
    /// The id of a passkey.
    PasskeyId
);
id!(
    /// The id of a session: one sign-in on one device.
    SessionId
);
id!(
    /// The id of one token (the JWT claim `jti`).
    TokenId
);
id!(
    /// The id of an API key. It is part of the key, and no secret.
    ApiKeyId
);
id!(
    /// The id of an entry of the audit log.
    EventId
);
id!(
    /// The id of a message in the outbox.
    MessageId
);
id!(
    /// The id of an invitation to register.
    InvitationId
);
id!(
    /// The id of a change of an email address that waits for its mailed link.
    EmailChangeId
);
id!(
    /// The id of a registration that waits for its mailed link.
    RegistrationId
);

fn uuid_v7(now: Timestamp, random: &dyn SecureRandom) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.as_micros().div_euclid(1000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let early = AccountId::generate(Timestamp::from_seconds(1_000), &SystemRandom);
        let late = AccountId::generate(Timestamp::from_seconds(1_001), &SystemRandom);
        assert_eq!(early.as_uuid().get_version_num(), 7);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
    }
}
