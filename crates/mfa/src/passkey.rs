//! Passkeys: the part of a relying party in WebAuthn level 3, without storage and without a clock.
//!
//! [`RelyingParty`] makes the options of a ceremony and verifies the response, in the steps of section 7.1
//! (registration) and section 7.2 (assertion). Each step of the standard that fails has its own variant of
//! [`PasskeyError`], because an operator must see from the log which check refused a key.
//!
//! Four steps stay with the caller, because they need storage:
//! - a challenge is used once, and by the browser that got it;
//! - a credential id belongs to one account only (section 7.1);
//! - the stored counter and backup state are replaced by those of the [`Assertion`] (section 7.2);
//! - user verification: an [`Assertion`] without it is a second factor and no sign-in of its own.
//!
//! Attestation statements are not verified, see [`RelyingParty::allowing_only`].

mod aaguid;
mod assertion;
mod authenticator_data;
mod base64url;
mod cbor;
mod challenge;
mod client_data;
mod cose;
mod credential_id;
mod options;
mod origin;
mod passkey_error;
mod public_key;
mod registration;
mod relying_party;
mod transports;

pub use aaguid::{Aaguid, AaguidError};
pub use assertion::{Assertion, AssertionResponse, StoredPasskey};
pub use challenge::Challenge;
pub use credential_id::{CREDENTIAL_TYPE, CredentialDescriptor, CredentialId};
pub use options::{
    Attestation, CreationOptions, PasskeyUser, RESIDENT_KEY, RequestOptions, UserVerification,
};
pub use origin::RelyingPartyError;
pub use passkey_error::PasskeyError;
pub use public_key::{Algorithm, PublicKey};
pub use registration::{NewPasskey, RegistrationResponse};
pub use relying_party::RelyingParty;
pub use transports::Transports;
