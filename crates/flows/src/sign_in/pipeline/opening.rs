//! Opens a session with the verified proofs, and issues its tokens.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, Ambient, Delivery, DisplayName, ExposeSecret, SecretString, Session, SessionId,
    TokenId,
};
use portcullis_token::{Digest, OpaqueSecret};

use super::proof::{Proof, authentication};
use super::risk::AssessedRisk;
use super::store::{ChallengeUse, SessionOpening, SessionOpeningResult, SignInStore};
use crate::StoreError;
use crate::effects::{Effects, Message, Recipient};
use crate::node::mail::{Mail, MailText};
use crate::sign_in::device::{self, DeviceEpochs, DeviceUse, SignInDevice};
use crate::sign_in::session_tokens::{SessionTokens, TokenIssuer};

/// The cookies of a session that a browser presents with a sign-in.
#[derive(Clone, Debug, Default)]
pub struct BrowserCookies {
    /// The device cookie.
    pub device: Option<SecretString>,
    /// The binding cookie of the session that the browser has so far. A sign-in with delivery
    /// [`Delivery::Cookie`] replaces the cookie, and ends that session.
    pub session_binding: Option<SecretString>,
}

impl BrowserCookies {
    /// Digest of the binding cookie that a sign-in with this delivery replaces.
    fn former_binding(&self, delivery: Delivery) -> Option<Digest> {
        let replaced = self.session_binding.as_ref().filter(|_| delivery == Delivery::Cookie);
        replaced.map(|cookie| Digest::of(cookie.expose_secret()))
    }
}

/// A session with the cookies of the browser.
#[derive(Debug)]
pub struct SignedIn {
    /// Session and tokens.
    pub tokens: SessionTokens,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
    /// The device cookie, for [`Delivery::Cookie`].
    pub device_token: Option<SecretString>,
}

/// A verified and allowed sign-in.
pub(super) struct VerifiedSignIn<'a> {
    /// The account as it was when the proofs were verified.
    pub(super) account: &'a Account,
    /// The epochs of its password and of its factors at that time.
    pub(super) epochs: DeviceEpochs,
    /// The verified proofs.
    pub(super) proofs: &'a [Proof],
    /// The counter whose failures are reset; `None` for a proof that cannot be guessed.
    pub(super) counter: Option<&'a Digest>,
    /// The device by its cookie.
    pub(super) device: SignInDevice,
    /// True if the holder of the account must be informed of the device.
    pub(super) is_new_device: bool,
    /// The assessed risk, if this step assesses it.
    pub(super) risk: Option<AssessedRisk>,
    /// The delivery of the tokens.
    pub(super) delivery: Delivery,
    /// Reviews the password after the commit; returns whether it must be changed.
    pub(super) review: &'a dyn Fn() -> bool,
    /// The name that the person gives the device.
    pub(super) device_name: Option<&'a DisplayName>,
    /// The challenge that it answers, if it has two steps.
    pub(super) challenge: Option<ChallengeUse<'a>>,
    /// The cookies of the browser.
    pub(super) browser: &'a BrowserCookies,
    /// The source of the request.
    pub(super) origin: &'a Origin,
}

/// The result of opening a session.
pub(super) enum Opened {
    /// The session and its tokens.
    Session(Box<SignedIn>),
    /// Refused with this outcome, which is recorded.
    Refused(Outcome),
    /// Refused: the challenge is over.
    ChallengeOver,
}

/// Opens sessions.
pub(super) struct SessionOpener {
    pub(super) store: Arc<dyn SignInStore>,
    pub(super) issuer: TokenIssuer,
    pub(super) requires_verified_email: bool,
    pub(super) ambient: Ambient,
}

impl SessionOpener {
    /// Opens the session, unless storage refuses it.
    pub(super) fn open(&self, verified: &VerifiedSignIn<'_>) -> Result<Opened, StoreError> {
        let VerifiedSignIn { account, epochs, device, delivery, .. } = *verified;
        let now = self.ambient.now();
        let session = Session {
            id: SessionId::generate(now, &*self.ambient.random),
            account_id: account.id,
            delivery,
            authentication: authentication(verified.proofs),
            authenticated_at: now,
            proven_at: now,
            expires_at: now + self.issuer.lifetimes(&account.role).absolute,
        };
        let refresh = TokenId::generate(now, &*self.ambient.random);
        let uses_cookies = delivery == Delivery::Cookie;
        let binding = uses_cookies.then(|| OpaqueSecret::mint(&*self.ambient.random));
        let factor = verified.proofs.iter().find_map(Proof::factor);
        let details = factor.map_or(Details::None, Details::of_factor);
        let event = |kind, outcome, session| {
            SecurityEvent::new(kind, outcome, verified.origin, now, &*self.ambient.random)
                .about(account.id)
                .in_session(session)
        };
        let effects = |opened: &SessionOpeningResult| match opened {
            SessionOpeningResult::Done { displaced, replaced, factor, .. } => {
                let success = |kind, session| event(kind, Outcome::Success, session);
                let sign_in = success(EventKind::SignIn, session.id).with(details.clone());
                let used = factor.map(|used| used.effects(&sign_in, &*self.ambient.random));
                let Effects { events: of_factor, messages: notices } = used.unwrap_or_default();
                let mut events = vec![sign_in];
                events.extend(verified.risk.map(|risk| {
                    let assessed = risk.event(verified.origin, &self.ambient);
                    assessed.about(account.id).in_session(session.id)
                }));
                events.extend(of_factor);
                let new_device = verified.is_new_device;
                let new_device = new_device.then(|| success(EventKind::NewDevice, session.id));
                let is_told = self.issuer.policy().alert_new_devices;
                let messages = new_device.iter().filter(|_| is_told);
                let messages = messages.map(|event| self.alert(event, verified));
                let messages = messages.chain(notices).collect();
                events.extend(new_device);
                let is_reused = matches!(device, SignInDevice::Reused(_));
                let kind = EventKind::DeviceCookieReused;
                events.extend(is_reused.then(|| success(kind, session.id)));
                events.extend(displaced.sessions().map(|ended| {
                    let ending = success(EventKind::SessionDisplaced, ended);
                    match replaced {
                        Some((holder, session)) if *session == ended => ending.about(*holder),
                        _ => ending,
                    }
                }));
                Effects { events, messages }
            }
            SessionOpeningResult::Refused(outcome) => {
                let refused = event(EventKind::SignIn, *outcome, session.id).with(details.clone());
                let mut effects = Effects::from(refused);
                let too_risky = verified.risk.filter(|_| *outcome == Outcome::TooRisky);
                effects.extend(too_risky.map_or_else(Effects::default, |risk| {
                    risk.refusal(account.id, verified.origin, &self.ambient)
                }));
                effects
            }
            SessionOpeningResult::ChallengeOver => {
                let outcome = Outcome::Superseded;
                event(EventKind::SignIn, outcome, session.id).with(details.clone()).into()
            }
        };
        let opened = self.store.open(&SessionOpening {
            session: &session,
            refresh,
            binding: binding.as_ref().map(OpaqueSecret::digest),
            former_binding: verified.browser.former_binding(delivery),
            device_name: verified.device_name,
            device: uses_cookies.then(|| DeviceUse::of(device, &*self.ambient.random)),
            proofs: verified.proofs,
            is_too_risky: verified.risk.is_some_and(AssessedRisk::is_refused),
            requires_verified_email: self.requires_verified_email,
            networks: &account.allowed_networks,
            counter: verified.counter,
            challenge: verified.challenge,
            most_sessions: self.issuer.policy().most_sessions,
            displacement: self.issuer.ending(EventKind::SessionDisplaced, now),
            origin: verified.origin,
            effects: &effects,
        })?;
        let (mut snapshot, displaced, used) = match opened {
            SessionOpeningResult::Done { snapshot, displaced, device, .. } => {
                (snapshot, displaced, device)
            }
            SessionOpeningResult::Refused(outcome) => return Ok(Opened::Refused(outcome)),
            SessionOpeningResult::ChallengeOver => return Ok(Opened::ChallengeOver),
        };
        self.issuer.revocations().enforce(displaced);
        snapshot.account.password_must_change |= (verified.review)();
        let device_token = used.and_then(|used| {
            let cookie = (used.id, used.rotated?);
            Some(device::cookie(&self.issuer, account.id, epochs, cookie, now))
        });
        let tokens =
            self.issuer.issue(*snapshot, session, refresh, now, now, &*self.ambient.random);
        Ok(Opened::Session(Box::new(SignedIn { tokens, binding, device_token })))
    }

    /// The alert about a device that is new to the account.
    fn alert(&self, event: &SecurityEvent, verified: &VerifiedSignIn<'_>) -> Message {
        let origin = verified.origin;
        let name = verified.device_name.map(DisplayName::as_str);
        let device = name.or(origin.user_agent.as_deref()).unwrap_or("-");
        let mail = Mail::NewDevice { address: origin.address, device: MailText::new(device) };
        let recipient = Recipient::Holder(verified.account.id);
        Message::about(event, recipient, mail, &*self.ambient.random)
    }
}
