//! Authenticator app: codes of a seed as a person types it.

use base32::Alphabet;
use portcullis_domain::{ExposeSecret, Timestamp};
use portcullis_mfa::TotpSeed;

/// An authenticator app with one seed.
#[derive(Debug)]
pub struct AuthenticatorApp(TotpSeed);

impl AuthenticatorApp {
    /// Creates an app from a seed in base32.
    pub fn of(secret: &str) -> Self {
        let bytes = base32::decode(Alphabet::Rfc4648 { padding: false }, secret).expect("base32");
        Self(TotpSeed::from_bytes(bytes.try_into().expect("160 bits")))
    }

    /// The code at this time.
    pub fn code(&self, now: Timestamp) -> String {
        self.0.code_at(now).expose_secret().to_owned()
    }
}
