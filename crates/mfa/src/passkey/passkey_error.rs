//! Reasons to refuse a response of an authenticator: one variant for each check.

/// The reason why a registration or an assertion is refused.
///
/// The response comes from the client, so the reason is for the log; a client gets one answer for all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// The JSON lacks a member, or a member has another type than in section 5.1 of the standard.
    #[error("the response is not the JSON form of a credential")]
    Malformed,
    /// A member is longer than an authenticator or a browser makes it.
    #[error("a part of the response is too long")]
    TooLong,
    /// A member is not base64url (RFC 4648 section 5) without padding, in its only form.
    #[error("a part of the response is not base64url without padding")]
    InvalidBase64,
    /// `type` is not `public-key`.
    #[error("the credential is not of the type public-key")]
    WrongCredentialType,
    /// A credential id has 16 to 1023 bytes.
    #[error("a credential id has 16 to 1023 bytes")]
    InvalidCredentialId,
    /// A user handle has 1 to 64 bytes.
    #[error("a user handle has 1 to 64 bytes")]
    InvalidUserHandle,
    /// `id` and `rawId` differ, or the attested credential has another id.
    #[error("the ids of the credential differ")]
    IdMismatch,
    /// The client data are not a JSON object with the members of section 5.8.1, each once.
    #[error("the client data are malformed")]
    MalformedClientData,
    /// The client data are those of another ceremony.
    #[error("the client data are of another ceremony")]
    WrongType,
    /// The client answers another challenge.
    #[error("the response answers another challenge")]
    WrongChallenge,
    /// The page has another origin: the one named here, cut to 128 characters.
    #[error("the origin {0:?} is not one of this server")]
    WrongOrigin(String),
    /// The page was embedded in a page of another origin.
    #[error("the page was embedded in a page of another origin")]
    CrossOrigin,
    /// The attestation object or a part of the authenticator data is not CBOR in the form of CTAP2:
    /// definite lengths, no tags, keys that are integers or text.
    #[error("a part of the response is not CBOR of the expected form")]
    MalformedCbor,
    /// A map in CBOR has a key twice.
    #[error("a map in CBOR has a key twice")]
    DuplicateKey,
    /// CBOR is nested deeper than any attestation.
    #[error("CBOR is nested too deep")]
    NestingTooDeep,
    /// The attestation object lacks a member, or format and statement do not fit each other.
    #[error("the attestation object is malformed")]
    MalformedAttestation,
    /// The authenticator data are shorter than their flags say.
    #[error("the authenticator data are malformed")]
    MalformedAuthenticatorData,
    /// Bytes follow the attestation object, the authenticator data or the key.
    #[error("bytes follow the end of a structure")]
    TrailingData,
    /// The authenticator signed for another relying party.
    #[error("the authenticator data are for another relying party")]
    WrongRelyingParty,
    /// The authenticator did not ask for a touch or another sign of a person.
    #[error("no person was present")]
    UserNotPresent,
    /// The credential is backed up, but says that it cannot be.
    #[error("the credential is backed up although it is not eligible for backup")]
    BackupStateInvalid,
    /// Eligibility for backup is fixed at registration.
    #[error("the credential has changed its eligibility for backup")]
    BackupEligibilityChanged,
    /// The authenticator data of a registration contain no credential.
    #[error("the authenticator data contain no credential")]
    NoCredential,
    /// The authenticator data of an assertion contain a credential (section 6.1 forbids it).
    #[error("the authenticator data of an assertion contain a credential")]
    UnexpectedCredential,
    /// The response is of another credential than the stored one.
    #[error("the response is of another credential")]
    WrongCredential,
    /// The credential belongs to another account.
    #[error("the user handle is of another account")]
    WrongUserHandle,
    /// The key is for an algorithm that was not asked for.
    #[error("the algorithm of the key is not supported")]
    UnsupportedAlgorithm,
    /// The key could verify nothing, is too weak, or has parameters that section 6.5.1 forbids.
    #[error("the key is invalid")]
    InvalidKey,
    /// The signature is of another key or over other data.
    #[error("the signature is wrong")]
    BadSignature,
    /// The model is not on the list of allowed ones.
    #[error("the model of the authenticator is not allowed")]
    ModelNotAllowed,
}
