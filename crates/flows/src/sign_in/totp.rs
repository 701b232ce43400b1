//! TOTP of an account: enrol an authenticator app, confirm, replace and remove it.
//!
//! An enrolment belongs to one session and lives ten minutes. Its seed is shown once, and becomes a
//! factor when a code of it is confirmed; that code is used up. From then on every sign-in requires a
//! second factor, so every other session, which has none, ends, and the calling one continues in a
//! replacement with the new level.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, Authentication, AuthenticationMethod, Delivery, Factor, SecretString,
    Session, SessionId, Timestamp,
};
use portcullis_mfa::{EnrolmentError, EnrolmentUri, SealError, SeedKey, TotpSeed};
use portcullis_token::OpaqueSecret;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::factor::{TotpProof, reseal_all, seed_label};
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationError, ReauthenticationRequest,
};
use crate::sign_in::replacement::ReplacementSession;
use crate::sign_in::session_tokens::{AccountSnapshot, SessionEnd, SessionTokens, TokenIssuer};

/// The port of TOTP enrolment.
pub trait TotpStore: Send + Sync {
    /// Stores the enrolment in place of an earlier one of the account, if the password is still
    /// valid.
    fn start_totp(&self, enrolment: &NewTotp<'_>) -> Result<FactorChange, StoreError>;

    /// Turns the enrolment of the session into the factor of the account, in place of an earlier
    /// one, if the code is right. Ends every session, and opens the replacement of the calling one.
    fn confirm_totp(
        &self,
        confirmation: &TotpConfirmation<'_>,
    ) -> Result<TotpConfirmed, StoreError>;

    /// Removes the factor, if the password is still valid. Without a remaining factor the backup
    /// codes are removed too.
    fn remove_totp(&self, removal: &FactorRemoval<'_>) -> Result<FactorChange, StoreError>;

    /// The sealed seeds of all accounts after this one, at most `limit`, by account.
    fn sealed_seeds(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, StoreError>;

    /// Replaces a sealed seed, unless it has changed meanwhile.
    fn reseal_seed(
        &self,
        account: AccountId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError>;
}

/// An enrolment about to be stored.
pub struct NewTotp<'a> {
    /// The verified password.
    pub reauthenticated: &'a Reauthenticated,
    /// The session that must confirm it.
    pub session: SessionId,
    /// The sealed seed.
    pub sealed: &'a [u8],
    /// The lifetime of the enrolment.
    pub lifetime: Duration,
    /// The effects to record.
    pub effects: EffectsOf<'a, FactorChange>,
}

/// A confirmation of an enrolment.
pub struct TotpConfirmation<'a> {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The typed code.
    pub proof: &'a TotpProof,
    /// Seals the seed of the enrolment under the present secret key, as the factor is stored. The key may have
    /// changed since the enrolment.
    pub renewed: &'a dyn Fn(Vec<u8>) -> Vec<u8>,
    /// The replacement of the calling session.
    pub successor: &'a ReplacementSession,
    /// Returns the authentication of the replacement.
    pub authentication: &'a dyn Fn(Authentication) -> Authentication,
    /// The end of every session of the account; its time is that of the node.
    pub ending: SessionEnd,
    /// The source of the request, for the token family.
    pub origin: &'a Origin,
    /// The effects to record.
    pub effects: EffectsOf<'a, TotpConfirmed>,
}

/// The result of a confirmation.
#[derive(Debug)]
pub enum TotpConfirmed {
    /// The factor is in force.
    Done {
        /// The account.
        snapshot: Box<AccountSnapshot>,
        /// The replacement of the calling session.
        session: Box<Session>,
        /// The ended sessions, including the calling one.
        revoked: Revoked,
    },
    /// The code is wrong; the enrolment stays.
    WrongCode,
    /// The session has no enrolment, or it has expired.
    NoEnrolment,
    /// The calling session has ended meanwhile.
    SessionEnded,
}

/// A removal of a factor.
pub struct FactorRemoval<'a> {
    /// The verified password.
    pub reauthenticated: &'a Reauthenticated,
    /// True if the account must keep a factor.
    pub must_keep_one: bool,
    /// The effects to record.
    pub effects: EffectsOf<'a, FactorChange>,
}

/// The result of a change of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorChange {
    /// Done.
    Done,
    /// Refused, with the outcome to record.
    Refused(Outcome),
    /// The account has no such factor.
    NoFactor,
    /// It is the last factor of an account that must have one.
    LastFactor,
}

impl FactorChange {
    /// The outcome to record.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::Done => Outcome::Success,
            Self::Refused(outcome) => outcome,
            Self::NoFactor => Outcome::Invalid,
            Self::LastFactor => Outcome::AgainstRules,
        }
    }

    /// The error of the use case, unless it is done.
    pub(crate) const fn into_result(self) -> Result<(), FactorError> {
        match self {
            Self::Done => Ok(()),
            Self::Refused(_) => {
                Err(FactorError::Reauthentication(ReauthenticationError::WrongPassword))
            }
            Self::NoFactor => Err(FactorError::NoFactor),
            Self::LastFactor => Err(FactorError::LastFactor),
        }
    }
}

/// The reason why a factor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The password was not accepted.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// The code is wrong.
    #[error("the code is not right")]
    WrongCode,
    /// The session has no enrolment, or it has expired.
    #[error("there is no enrolment to confirm")]
    NoEnrolment,
    /// The account has no such factor.
    #[error("the account has no such factor")]
    NoFactor,
    /// It is the last factor of an account that must have one.
    #[error("the account must keep a second factor")]
    LastFactor,
    /// The calling session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The server has no domain name, so it has no passkeys.
    #[error("the server has no passkeys")]
    NoPasskeys,
    /// The passkey is not accepted: for a rule of the standard, or because it is registered already.
    #[error("the passkey is not accepted")]
    PasskeyRefused,
    /// The account has as many passkeys as it may have.
    #[error("the account has too many passkeys")]
    TooManyPasskeys,
    /// A code could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] portcullis_password::HashingError),
    /// The seed has no QR code.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A started enrolment, shown once.
#[derive(Debug)]
pub struct StartedTotp {
    /// The seed in base32, to be typed.
    pub secret: SecretString,
    /// The seed as a URI and as a QR code.
    pub uri: EnrolmentUri,
    /// The QR code of the URI, as SVG.
    pub qr_code: String,
}

/// The credentials of the client after a confirmation.
#[derive(Debug)]
pub struct ConfirmedTotp {
    /// The new session and its tokens.
    pub tokens: SessionTokens,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
}

/// A request to confirm an enrolment.
#[derive(Debug)]
pub struct ConfirmationRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The code, as typed.
    pub code: SecretString,
    /// The source of the request.
    pub origin: Origin,
}

/// Enrols and removes authenticator apps.
pub struct TotpEnrolment {
    store: Arc<dyn TotpStore>,
    reauthentication: Reauthentication,
    key: Arc<SeedKey>,
    issuer: TokenIssuer,
    product: String,
    ambient: Ambient,
}

impl TotpEnrolment {
    /// The lifetime of an enrolment.
    pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

    /// Creates the use case from its dependencies. Apps show the name of the product.
    pub fn new(
        store: Arc<dyn TotpStore>,
        reauthentication: Reauthentication,
        key: Arc<SeedKey>,
        issuer: TokenIssuer,
        product: String,
        ambient: Ambient,
    ) -> Self {
        Self { store, reauthentication, key, issuer, product, ambient }
    }

    /// Starts an enrolment in the calling session.
    pub fn start(&self, request: &ReauthenticationRequest) -> Result<StartedTotp, FactorError> {
        let kind = EventKind::FactorEnrolmentStarted;
        let reauthenticated =
            self.reauthentication.verify(request, kind, &Details::of_factor(Factor::Totp))?;
        let seed = TotpSeed::generate(&*self.ambient.random);
        let username = reauthenticated.account.username.as_str();
        let uri = EnrolmentUri::new(&seed, &self.product, username)?;
        let qr_code = uri.to_svg()?;
        let sealed = self.key.seal(&seed, &seed_label(request.account), &*self.ambient.random);
        let event = self.event(kind, request.account, request.session, &request.origin);
        let effects = |change: &FactorChange| {
            SecurityEvent { outcome: change.outcome(), ..event.clone() }.into()
        };
        let stored = self.store.start_totp(&NewTotp {
            reauthenticated: &reauthenticated,
            session: request.session,
            sealed: &sealed,
            lifetime: Self::LIFETIME,
            effects: &effects,
        })?;
        stored.into_result()?;
        Ok(StartedTotp { secret: seed.to_base32(), uri, qr_code })
    }

    /// Confirms the enrolment of the calling session by a code.
    pub fn confirm(&self, request: &ConfirmationRequest) -> Result<ConfirmedTotp, FactorError> {
        let kind = EventKind::FactorAdded;
        let event = self.event(kind, request.account, request.session, &request.origin);
        let effects = |confirmed: &TotpConfirmed| {
            let outcome = match confirmed {
                TotpConfirmed::Done { revoked, .. } => {
                    // The calling session continues in its replacement.
                    let ended = revoked.session_count().saturating_sub(1);
                    return self.notice(event.clone().ending(ended), request.account, |address| {
                        Mail::FactorAdded { address, factor: Factor::Totp }
                    });
                }
                TotpConfirmed::WrongCode => Outcome::WrongCode,
                TotpConfirmed::NoEnrolment => Outcome::Invalid,
                TotpConfirmed::SessionEnded => Outcome::Superseded,
            };
            SecurityEvent { outcome, ..event.clone() }.into()
        };
        let (successor, binding) = ReplacementSession::generate(event.at, &self.ambient);
        let authentication =
            |before: Authentication| before.with_factor(&[AuthenticationMethod::OneTimePassword]);
        let renewed = |sealed: Vec<u8>| match self.sealed_again(request.account, &sealed) {
            Ok(Some(again)) => again,
            // One that cannot be opened has no right code.
            Ok(None) | Err(_) => sealed,
        };
        let confirmed = self.store.confirm_totp(&TotpConfirmation {
            account: request.account,
            session: request.session,
            proof: &TotpProof::new(request.code.clone(), self.key.clone()),
            renewed: &renewed,
            successor: &successor,
            authentication: &authentication,
            ending: self.issuer.ending(event.kind, event.at),
            origin: &request.origin,
            effects: &effects,
        })?;
        let (snapshot, session) = match confirmed {
            TotpConfirmed::Done { snapshot, session, revoked } => {
                self.issuer.revocations().enforce(revoked);
                (*snapshot, *session)
            }
            TotpConfirmed::WrongCode => return Err(FactorError::WrongCode),
            TotpConfirmed::NoEnrolment => return Err(FactorError::NoEnrolment),
            TotpConfirmed::SessionEnded => return Err(FactorError::SessionEnded),
        };
        let binding = (session.delivery == Delivery::Cookie).then_some(binding);
        let (refresh, now, random) = (successor.refresh, event.at, &*self.ambient.random);
        let tokens = self.issuer.issue(snapshot, session, refresh, now, now, random);
        Ok(ConfirmedTotp { tokens, binding })
    }

    /// Removes the authenticator app of the account.
    pub fn remove(&self, request: &ReauthenticationRequest) -> Result<(), FactorError> {
        let kind = EventKind::FactorRemoved;
        let reauthenticated =
            self.reauthentication.verify(request, kind, &Details::of_factor(Factor::Totp))?;
        let event = self.event(kind, request.account, request.session, &request.origin);
        let effects = |change: &FactorChange| {
            let event = SecurityEvent { outcome: change.outcome(), ..event.clone() };
            match change {
                FactorChange::Done => self.notice(event, request.account, |address| {
                    Mail::FactorRemoved { address, factor: Factor::Totp }
                }),
                _ => event.into(),
            }
        };
        let removed = self.store.remove_totp(&FactorRemoval {
            must_keep_one: self.issuer.requires_factor(&reauthenticated.account.role),
            reauthenticated: &reauthenticated,
            effects: &effects,
        })?;
        removed.into_result()
    }

    /// Seals the seeds of the previous secret key again under the present one.
    pub fn reseal(&self) -> Result<(), StoreError> {
        reseal_all(
            |after, limit| self.store.sealed_seeds(after, limit),
            |account, sealed| self.sealed_again(account, sealed),
            |account, sealed, again| self.store.reseal_seed(account, sealed, again),
        )
    }

    /// The seed sealed under the present secret key; `None` if it is already.
    fn sealed_again(
        &self,
        account: AccountId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        self.key.reseal(sealed, &seed_label(account), &*self.ambient.random)
    }

    fn notice(
        &self,
        event: SecurityEvent,
        account: AccountId,
        mail: impl Fn(std::net::IpAddr) -> Mail,
    ) -> Effects {
        let mail = mail(event.origin.address);
        Effects::with_mail(event, account, mail, &*self.ambient.random)
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
            .with(Details::of_factor(Factor::Totp))
    }
}

/// The authenticator app of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotpState {
    /// The time of its confirmation.
    pub confirmed_at: Timestamp,
    /// The time of its latest use; `None` before the first.
    pub last_used_at: Option<Timestamp>,
}
