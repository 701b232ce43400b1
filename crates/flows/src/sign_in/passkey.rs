//! Passkeys of an account: register, list, rename and remove them.
//!
//! A registration takes the password first, if the account has one; its challenge belongs to the session and
//! lives five minutes. A registered passkey is a second factor, and signs in alone where its authenticator
//! verifies the user. So every other session ends, as with an authenticator app, and the calling one continues
//! in a replacement with the new level.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, Authentication, AuthenticationMethod, Delivery, DisplayName, Factor,
    PasskeyId, Session, SessionId, Timestamp,
};
use portcullis_mfa::passkey::{
    Challenge, CreationOptions, NewPasskey, PasskeyUser, RegistrationResponse, RequestOptions,
    Transports,
};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::factor::{
    SealedPasskey, claimed, digest, key_methods, reseal_all, user_handle,
};
use crate::sign_in::passkey_challenge::{ChallengePurpose, NewPasskeyChallenge, PasskeyOffer};
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationRequest,
};
use crate::sign_in::replacement::ReplacementSession;
use crate::sign_in::session_tokens::{AccountSnapshot, SessionEnd, SessionTokens, TokenIssuer};
use crate::sign_in::step_up::user_verification;
use crate::sign_in::totp::{FactorChange, FactorError, FactorRemoval};

/// The port of passkeys.
pub trait PasskeyStore: Send + Sync {
    /// Stores the challenge of a registration, if the credential is still valid.
    fn start_passkey(&self, start: &PasskeyStart<'_>) -> Result<FactorChange, StoreError>;

    /// Stores a passkey, if its challenge is valid in the calling session. Ends every session, and opens the
    /// replacement of the calling one.
    fn add_passkey(&self, addition: &PasskeyAddition<'_>) -> Result<PasskeyAdded, StoreError>;

    /// The passkeys of the account, the oldest first.
    fn passkeys(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError>;

    /// Renames a passkey of the account. False if it has no such passkey.
    fn rename_passkey(
        &self,
        account: AccountId,
        passkey: PasskeyId,
        name: &DisplayName,
        effects: &Effects,
    ) -> Result<bool, StoreError>;

    /// Removes a passkey, if the password is still valid. Without a remaining factor the backup codes are
    /// removed too. An account without a password keeps a passkey.
    fn remove_passkey(
        &self,
        passkey: PasskeyId,
        removal: &FactorRemoval<'_>,
    ) -> Result<FactorChange, StoreError>;

    /// The sealed passkeys of all accounts after this one, at most `limit`, by id.
    fn sealed_passkeys(
        &self,
        after: Option<PasskeyId>,
        limit: u32,
    ) -> Result<SealedPasskeys, StoreError>;

    /// Replaces a sealed public key, unless it has changed meanwhile.
    fn reseal_passkey(
        &self,
        passkey: PasskeyId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError>;
}

/// Passkeys with their accounts.
pub type SealedPasskeys = Vec<(PasskeyId, (AccountId, SealedPasskey))>;

/// A registration about to start.
pub struct PasskeyStart<'a> {
    /// The verified credential.
    pub reauthenticated: &'a Reauthenticated,
    /// The challenge, of the calling session.
    pub challenge: NewPasskeyChallenge,
    /// The effects to record.
    pub effects: EffectsOf<'a, FactorChange>,
}

/// A passkey about to be stored.
pub struct PasskeyAddition<'a> {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// Digest of the signed challenge.
    pub challenge: Digest,
    /// The id of the new passkey.
    pub id: PasskeyId,
    /// The verified passkey.
    pub passkey: &'a NewPasskey,
    /// Its sealed public key.
    pub sealed: &'a [u8],
    /// The name that the person gives it.
    pub name: &'a DisplayName,
    /// The maximum of passkeys of an account.
    pub max_passkeys: u32,
    /// The replacement of the calling session.
    pub successor: &'a ReplacementSession,
    /// Returns the authentication of the replacement.
    pub authentication: &'a dyn Fn(Authentication) -> Authentication,
    /// The end of every session of the account; its time is that of the node.
    pub ending: SessionEnd,
    /// The source of the request, for the token family.
    pub origin: &'a Origin,
    /// The effects to record.
    pub effects: EffectsOf<'a, PasskeyAdded>,
}

/// The result of an addition.
#[derive(Debug)]
pub enum PasskeyAdded {
    /// The passkey is in force.
    Done {
        /// The account.
        snapshot: Box<AccountSnapshot>,
        /// The replacement of the calling session.
        session: Box<Session>,
        /// The ended sessions, including the calling one.
        revoked: Revoked,
    },
    /// The session has no such challenge, or it has expired or was used.
    NoChallenge,
    /// The credential is registered already.
    Taken,
    /// The account has as many passkeys as it may have.
    TooMany,
    /// The calling session has ended meanwhile.
    SessionEnded,
}

/// A passkey, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// Its id.
    pub id: PasskeyId,
    /// The name that the person gave it.
    pub name: String,
    /// The model of the authenticator (AAGUID), if it says one.
    pub model: String,
    /// How the browser reaches the authenticator.
    pub transports: Transports,
    /// True if it signs in alone: it needs no name, and its authenticator has verified its user.
    pub signs_in_alone: bool,
    /// True if copies of it exist, at the provider that synchronises it.
    pub is_backed_up: bool,
    /// The time of the registration.
    pub created_at: Timestamp,
    /// The time of the latest use; `None` before the first.
    pub last_used_at: Option<Timestamp>,
}

/// A request to register a passkey.
#[derive(Debug)]
pub struct PasskeyRegistrationRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The new credential.
    pub response: RegistrationResponse,
    /// The name that the person gives it.
    pub name: DisplayName,
    /// The source of the request.
    pub origin: Origin,
}

/// The credentials of the client after a registration.
#[derive(Debug)]
pub struct RegisteredPasskey {
    /// The id of the passkey.
    pub id: PasskeyId,
    /// The new session and its tokens.
    pub tokens: SessionTokens,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
}

/// Registers, lists, renames and removes passkeys.
pub struct Passkeys {
    store: Arc<dyn PasskeyStore>,
    offer: PasskeyOffer,
    reauthentication: Reauthentication,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Passkeys {
    /// The maximum of passkeys of an account.
    pub const MAX_PASSKEYS: u32 = 20;

    /// Creates the use case from its dependencies.
    pub const fn new(
        store: Arc<dyn PasskeyStore>,
        offer: PasskeyOffer,
        reauthentication: Reauthentication,
        issuer: TokenIssuer,
        ambient: Ambient,
    ) -> Self {
        Self { store, offer, reauthentication, issuer, ambient }
    }

    /// Starts a registration in the calling session: the request for a new credential.
    pub fn start(&self, request: &ReauthenticationRequest) -> Result<CreationOptions, FactorError> {
        let verifier = self.offer.verifier();
        let relying_party = verifier.relying_party().ok_or(FactorError::NoPasskeys)?;
        let kind = EventKind::FactorEnrolmentStarted;
        let details = Details::of_factor(Factor::Passkey);
        let reauthenticated = self.reauthentication.verify(request, kind, &details)?;
        let account = &reauthenticated.account;
        let existing = self.offer.descriptors(account.id)?;
        let challenge = Challenge::generate(&*self.ambient.random);
        let handle = user_handle(account.id);
        let username = account.username.as_str();
        let shown = account.display_name.as_ref().map_or(username, DisplayName::as_str);
        let user = PasskeyUser { handle: &handle, name: username, display_name: shown };
        let options = relying_party.creation_options(&challenge, &user, &existing);
        let event = self.event(kind, request.account, request.session, &request.origin);
        let effects = |change: &FactorChange| {
            SecurityEvent { outcome: change.outcome(), ..event.clone() }.into()
        };
        let purpose = ChallengePurpose::Registration(request.session);
        let started = self.store.start_passkey(&PasskeyStart {
            reauthenticated: &reauthenticated,
            challenge: NewPasskeyChallenge::of(&challenge, purpose),
            effects: &effects,
        })?;
        started.into_result()?;
        // After the credential, so that a thief learns nothing. The registration checks it again.
        if u32::try_from(existing.len()).is_ok_and(|count| count >= Self::MAX_PASSKEYS) {
            return Err(FactorError::TooManyPasskeys);
        }
        Ok(options)
    }

    /// Verifies the new credential, and stores it as a passkey of the account.
    pub fn register(
        &self,
        request: &PasskeyRegistrationRequest,
    ) -> Result<RegisteredPasskey, FactorError> {
        let verifier = self.offer.verifier();
        let relying_party = verifier.relying_party().ok_or(FactorError::NoPasskeys)?;
        let challenge = claimed(request.response.challenge());
        let passkey = relying_party.verify_registration(&challenge, &request.response);
        let passkey = passkey.map_err(|error| {
            tracing::info!(account = %request.account, %error, "a new passkey was refused");
            FactorError::PasskeyRefused
        })?;
        let kind = EventKind::FactorAdded;
        let event = self.event(kind, request.account, request.session, &request.origin);
        let random = &*self.ambient.random;
        let effects = |added: &PasskeyAdded| {
            let outcome = match added {
                PasskeyAdded::Done { revoked, .. } => {
                    // The calling session continues in its replacement.
                    let ended = revoked.session_count().saturating_sub(1);
                    let (event, address) = (event.clone().ending(ended), event.origin.address);
                    let mail = Mail::FactorAdded { address, factor: Factor::Passkey };
                    return Effects::with_mail(event, request.account, mail, random);
                }
                PasskeyAdded::NoChallenge | PasskeyAdded::Taken => Outcome::Invalid,
                PasskeyAdded::TooMany => Outcome::Limited,
                PasskeyAdded::SessionEnded => Outcome::Superseded,
            };
            SecurityEvent { outcome, ..event.clone() }.into()
        };
        let (successor, binding) = ReplacementSession::generate(event.at, &self.ambient);
        let methods = key_methods(passkey.is_backup_eligible);
        let authentication = |before: Authentication| before.with_factor(&methods);
        let id = PasskeyId::generate(event.at, random);
        let added = self.store.add_passkey(&PasskeyAddition {
            account: request.account,
            session: request.session,
            challenge: digest(&challenge),
            id,
            passkey: &passkey,
            sealed: &verifier.seal(request.account, &passkey, random),
            name: &request.name,
            max_passkeys: Self::MAX_PASSKEYS,
            successor: &successor,
            authentication: &authentication,
            ending: self.issuer.ending(event.kind, event.at),
            origin: &request.origin,
            effects: &effects,
        })?;
        let (snapshot, session) = match added {
            PasskeyAdded::Done { snapshot, session, revoked } => {
                self.issuer.revocations().enforce(revoked);
                (*snapshot, *session)
            }
            PasskeyAdded::NoChallenge => return Err(FactorError::NoEnrolment),
            PasskeyAdded::Taken => return Err(FactorError::PasskeyRefused),
            PasskeyAdded::TooMany => return Err(FactorError::TooManyPasskeys),
            PasskeyAdded::SessionEnded => return Err(FactorError::SessionEnded),
        };
        let binding = (session.delivery == Delivery::Cookie).then_some(binding);
        let (refresh, now) = (successor.refresh, event.at);
        let tokens = self.issuer.issue(snapshot, session, refresh, now, now, random);
        Ok(RegisteredPasskey { id, tokens, binding })
    }

    /// The passkeys of the account, the oldest first.
    pub fn list(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError> {
        self.store.passkeys(account)
    }

    /// Renames a passkey of the account.
    pub fn rename(
        &self,
        (account, session): (AccountId, SessionId),
        passkey: PasskeyId,
        name: &DisplayName,
        origin: &Origin,
    ) -> Result<(), FactorError> {
        let effects = self.event(EventKind::PasskeyRenamed, account, session, origin).into();
        let is_renamed = self.store.rename_passkey(account, passkey, name, &effects)?;
        if is_renamed { Ok(()) } else { Err(FactorError::NoFactor) }
    }

    /// Removes a passkey of the account.
    pub fn remove(
        &self,
        passkey: PasskeyId,
        request: &ReauthenticationRequest,
    ) -> Result<(), FactorError> {
        let kind = EventKind::FactorRemoved;
        let reauthenticated =
            self.reauthentication.verify(request, kind, &Details::of_factor(Factor::Passkey))?;
        let event = self.event(kind, request.account, request.session, &request.origin);
        let effects = |change: &FactorChange| {
            let event = SecurityEvent { outcome: change.outcome(), ..event.clone() };
            if *change != FactorChange::Done {
                return event.into();
            }
            let address = event.origin.address;
            let mail = Mail::FactorRemoved { address, factor: Factor::Passkey };
            Effects::with_mail(event, request.account, mail, &*self.ambient.random)
        };
        let removal = FactorRemoval {
            must_keep_one: self.issuer.requires_factor(&reauthenticated.account.role),
            reauthenticated: &reauthenticated,
            effects: &effects,
        };
        self.store.remove_passkey(passkey, &removal)?.into_result()
    }

    /// The request for a step-up with a passkey; `None` if the account has none.
    pub fn step_up(
        &self,
        account: AccountId,
        session: SessionId,
        methods: &[AuthenticationMethod],
    ) -> Result<Option<RequestOptions>, StoreError> {
        let verification = user_verification(methods);
        self.offer.of_session(account, session, verification, &*self.ambient.random)
    }

    /// Seals the passkeys of the previous secret key again under the present one.
    pub fn reseal(&self) -> Result<(), StoreError> {
        let (verifier, random) = (self.offer.verifier(), &*self.ambient.random);
        reseal_all(
            |after, limit| self.store.sealed_passkeys(after, limit),
            |_, (account, passkey)| verifier.reseal(*account, passkey, random),
            |id, (_, passkey), again| self.store.reseal_passkey(id, &passkey.sealed, again),
        )
    }

    fn event(
        &self,
        kind: EventKind,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> SecurityEvent {
        event_now(kind, Outcome::Success, origin, &self.ambient)
            .about(account)
            .in_session(session)
            .with(Details::of_factor(Factor::Passkey))
    }
}
