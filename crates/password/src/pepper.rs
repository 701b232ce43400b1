//! Peppers: secret keys of password hashes, which the database does not hold.
//!
//! A pepper is the secret value K of Argon2 (RFC 9106 section 3.1). Somebody who has only the
//! database cannot guess passwords from its hashes. A hash names its pepper by an id, in the
//! parameter `keyid` of the PHC string, so a pepper can be replaced: new hashes use the current one,
//! and a hash of a previous one is replaced at the next successful sign-in.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// The public id of a pepper.
pub type PepperId = [u8; 8];

/// A secret key of password hashes, with its public id.
#[derive(Clone)]
pub struct Pepper {
    id: PepperId,
    key: Zeroizing<[u8; 32]>,
}

impl Pepper {
    /// Creates a pepper. The id must depend on the key in one direction only.
    pub fn new(id: PepperId, key: [u8; 32]) -> Self {
        Self { id, key: Zeroizing::new(key) }
    }

    /// The public id.
    pub const fn id(&self) -> &PepperId {
        &self.id
    }

    /// The id as hashes show it: the value of their parameter `keyid`.
    pub fn name(&self) -> String {
        STANDARD_NO_PAD.encode(self.id)
    }

    pub(crate) fn key(&self) -> &[u8] {
        &*self.key
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([REDACTED])")
    }
}

/// The peppers of a server.
#[derive(Clone, Debug, Default)]
pub struct Peppers {
    /// The pepper of new hashes; without one they have none.
    pub current: Option<Pepper>,
    /// Peppers of stored hashes.
    pub previous: Vec<Pepper>,
}

impl Peppers {
    /// The pepper with this id.
    pub(crate) fn find(&self, id: &[u8]) -> Option<&Pepper> {
        self.current.iter().chain(&self.previous).find(|pepper| pepper.id == id)
    }

    /// The id of the current pepper; empty without one.
    pub(crate) fn current_id(&self) -> &[u8] {
        self.current.as_ref().map_or(&[], |pepper| &pepper.id[..])
    }
}
