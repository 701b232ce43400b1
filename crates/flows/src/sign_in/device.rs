//! Known devices of an account: browsers with a device cookie.
//!
//! The cookie is signed. It names the device, the epochs of the password and of the second factors in which it
//! was set, and its generation: every sign-in rotates it. After a change of the password, and after a factor
//! was removed or replaced, every device must sign in once like an unknown one. A device that shows an older
//! generation is forgotten: the cookie was copied, or the response with the newer one was lost. So is a
//! device that was not used for [`SessionPolicy::device_memory`], and one that its owner ends.
//!
//! [`SessionPolicy::device_memory`]: crate::sign_in::session_tokens::SessionPolicy::device_memory

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Actor, EventKind, Origin, Outcome};
use portcullis_domain::{
    AccountId, Ambient, DisplayName, ExposeSecret, FactorEpoch, PasswordEpoch, SecretString,
    SecureRandom, SessionId, Timestamp,
};
use portcullis_token::{DeviceClaims, DeviceId};

use crate::StoreError;
use crate::effects::{EffectsOf, event_now};
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{SessionEnd, TokenIssuer};

/// The lifetime of the device cookie in a browser.
pub const DEVICE_LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The maximum of devices of an account; one more forgets another one, see [`surplus`].
pub const MAX_DEVICES: usize = 50;

/// The generation of the first cookie of a device.
pub const FIRST_GENERATION: u32 = 1;

/// A device that was used so long after its first sign-in is not one of a flood of sign-ins.
const ESTABLISHED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after a rotation the former cookie is still known: two pages may sign in at once.
const ROTATION_GRACE: Duration = Duration::from_secs(60);

/// The port of known devices.
pub trait DeviceStore: Send + Sync {
    /// The device of the account, or `None`.
    fn device(
        &self,
        account: AccountId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError>;

    /// The devices of the account, the latest used first.
    fn devices(&self, account: AccountId) -> Result<Vec<DeviceRecord>, StoreError>;

    /// Forgets the device and ends its sessions; `None` if the account has no such device.
    fn forget_device(
        &self,
        account: AccountId,
        device: DeviceId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Option<Revoked>>,
    ) -> Result<Option<Revoked>, StoreError>;
}

/// A stored device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its id.
    pub id: DeviceId,
    /// The generation of its present cookie.
    pub generation: u32,
    /// The time of the sign-in that set that cookie.
    pub rotated_at: Timestamp,
    /// The latest use: by a sign-in, or by a refresh of one of its sessions.
    pub last_used_at: Timestamp,
    /// The first sign-in.
    pub created_at: Timestamp,
    /// The address of the latest sign-in.
    pub address: IpAddr,
    /// The name that the person gives it.
    pub name: Option<DisplayName>,
    /// The user agent of the latest sign-in.
    pub user_agent: Option<String>,
}

/// What an account has to be the same for a device to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceEpochs {
    pub(crate) password: PasswordEpoch,
    pub(crate) factors: FactorEpoch,
}

/// The device of a sign-in, by its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInDevice {
    /// No cookie, or none that counts.
    Unknown,
    /// A known device.
    Known {
        /// The device.
        id: DeviceId,
        /// The generation of its cookie.
        generation: u32,
        /// False if another page has just rotated it.
        rotates: bool,
    },
    /// An older cookie of this device.
    Reused(DeviceId),
}

impl SignInDevice {
    /// The device, if it is known.
    pub const fn known(self) -> Option<DeviceId> {
        match self {
            Self::Known { id, .. } => Some(id),
            Self::Unknown | Self::Reused(_) => None,
        }
    }
}

/// Looks up the device whose cookie was set with the current password and factors of this account.
pub(crate) fn find<S: DeviceStore + ?Sized>(
    store: &S,
    issuer: &TokenIssuer,
    cookie: Option<&SecretString>,
    subject: AccountId,
    epochs: DeviceEpochs,
    now: Timestamp,
) -> Result<SignInDevice, StoreError> {
    let claims = cookie
        .and_then(|cookie| issuer.authority().verify_device(cookie.expose_secret(), now).ok());
    let current = claims.filter(|claims| {
        let of_claims = DeviceEpochs { password: claims.epoch, factors: claims.factors };
        claims.subject == subject && of_claims == epochs
    });
    let Some(claims) = current else { return Ok(SignInDevice::Unknown) };
    let found = store.device(subject, claims.device)?;
    let memory = issuer.policy().device_memory;
    let remembered = found.filter(|device| now.since(device.last_used_at) < memory);
    Ok(remembered.map_or(SignInDevice::Unknown, |device| device.shown(claims.generation, now)))
}

impl DeviceRecord {
    /// The device, with a cookie of this generation.
    fn shown(&self, generation: u32, now: Timestamp) -> SignInDevice {
        let id = self.id;
        let is_former = generation.checked_add(1) == Some(self.generation);
        if generation == self.generation {
            SignInDevice::Known { id, generation, rotates: true }
        } else if is_former && now.since(self.rotated_at) <= ROTATION_GRACE {
            SignInDevice::Known { id, generation, rotates: false }
        } else if generation < self.generation {
            SignInDevice::Reused(id)
        } else {
            // The database was restored from an older copy.
            SignInDevice::Unknown
        }
    }
}

/// The devices of an account to forget, so that no more than [`MAX_DEVICES`] are left.
///
/// Everybody who knows the password gets a new device by each sign-in without a cookie. So the devices
/// that never came back are forgotten first, then those that were used only on the day of their first
/// sign-in, and of equal ones that which was not used for longest: such sign-ins forget one another, and not
/// the devices of the owner. The device of the present sign-in stays.
pub fn surplus(mut devices: Vec<DeviceRecord>, present: DeviceId) -> Vec<DeviceId> {
    devices.sort_by_key(|device| {
        let is_established = device.last_used_at.since(device.created_at) >= ESTABLISHED_AFTER;
        let came_back = device.generation > FIRST_GENERATION;
        Reverse((device.id == present, is_established, came_back, device.last_used_at))
    });
    devices.into_iter().skip(MAX_DEVICES).map(|device| device.id).collect()
}

/// The cookie of a device in this generation.
pub(crate) fn cookie(
    issuer: &TokenIssuer,
    subject: AccountId,
    epochs: DeviceEpochs,
    (device, generation): (DeviceId, u32),
    now: Timestamp,
) -> SecretString {
    issuer.authority().sign_device(&DeviceClaims {
        subject,
        device,
        epoch: epochs.password,
        factors: epochs.factors,
        generation,
        issued_at: now,
        expires_at: now + DEVICE_LIFETIME,
    })
}

/// The device of a session about to be opened by a client with cookies.
#[derive(Clone, Copy, Debug)]
pub struct DeviceUse {
    /// The device by its cookie.
    pub shown: SignInDevice,
    /// The id of the device if it is none of the known ones.
    pub fresh: DeviceId,
}

impl DeviceUse {
    pub(crate) fn of(shown: SignInDevice, random: &dyn SecureRandom) -> Self {
        Self { shown, fresh: DeviceId::generate(random) }
    }
}

/// The device of an opened session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedDevice {
    /// The device.
    pub id: DeviceId,
    /// The generation of its new cookie; `None` if it keeps the one that it has.
    pub rotated: Option<u32>,
}

/// Lists and forgets the devices of an account.
pub struct Devices {
    store: Arc<dyn DeviceStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Devices {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn DeviceStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// The devices of the account, the latest used first, without forgotten ones.
    pub fn list(&self, account: AccountId) -> Result<Vec<DeviceRecord>, StoreError> {
        let (now, memory) = (self.ambient.now(), self.issuer.policy().device_memory);
        let mut devices = self.store.devices(account)?;
        devices.retain(|device| now.since(device.last_used_at) < memory);
        Ok(devices)
    }

    /// The device of a valid cookie of the account, to mark it in the list.
    pub fn current(&self, account: AccountId, cookie: &SecretString) -> Option<DeviceId> {
        let now = self.ambient.now();
        let claims = self.issuer.authority().verify_device(cookie.expose_secret(), now).ok()?;
        (claims.subject == account).then_some(claims.device)
    }

    /// Forgets a device of the account and ends its sessions; returns whether there was one.
    pub fn forget(
        &self,
        account: AccountId,
        asking: SessionId,
        device: DeviceId,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let kind = EventKind::DeviceForgotten;
        let event = event_now(kind, Outcome::Success, origin, &self.ambient)
            .about(account)
            .by(Actor::Account(account))
            .in_session(asking);
        let ending = self.issuer.ending(kind, event.at);
        let effects = |forgotten: &Option<Revoked>| match forgotten {
            Some(revoked) => event.clone().ending(revoked.session_count()).into(),
            None => crate::effects::Effects::default(),
        };
        let forgotten = self.store.forget_device(account, device, ending, &effects)?;
        Ok(forgotten.map(|revoked| self.issuer.revocations().enforce(revoked)).is_some())
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_device_is_known_by_its_present_cookie_and_by_the_former_one_for_a_minute() {
        let id = DeviceId::generate(&SystemRandom);
        let device = DeviceRecord {
            id,
            generation: 7,
            rotated_at: NOW,
            last_used_at: NOW,
            created_at: NOW,
            address: IpAddr::from([192, 0, 2, 7]),
            name: None,
            user_agent: None,
        };
        let known = |generation, rotates| SignInDevice::Known { id, generation, rotates };
        let (late, later) = (NOW + 60 * SECOND, NOW + 61 * SECOND);
        assert_eq!(device.shown(7, NOW), known(7, true));
        assert_eq!(device.shown(7, NOW + 90 * 86_400 * SECOND), known(7, true));
        assert_eq!(device.shown(6, late), known(6, false));
        assert_eq!(device.shown(6, NOW - SECOND), known(6, false), "the clock went back");
        assert_eq!(device.shown(6, later), SignInDevice::Reused(id));
        assert_eq!(device.shown(5, NOW), SignInDevice::Reused(id));
        assert_eq!(device.shown(8, NOW), SignInDevice::Unknown);
        assert_eq!(device.shown(u32::MAX, NOW), SignInDevice::Unknown);
        let is_known = |shown: SignInDevice| shown.known() == Some(id);
        assert!(is_known(known(6, false)) && !is_known(SignInDevice::Reused(id)));
    }

    /// A device that was first used at `NOW`, and last so long afterwards.
    fn used(generation: u32, after: Duration) -> DeviceRecord {
        DeviceRecord {
            id: DeviceId::generate(&SystemRandom),
            generation,
            rotated_at: NOW,
            last_used_at: NOW + after,
            created_at: NOW,
            address: IpAddr::from([192, 0, 2, 7]),
            name: None,
            user_agent: None,
        }
    }

    #[test]
    fn the_present_device_stays_and_those_that_never_came_back_are_forgotten_first() {
        let day = 86_400 * SECOND;
        let present = used(1, Duration::ZERO);
        // The order in which they are kept.
        let kept = [
            &present,
            &used(1, 2 * day),
            &used(1, day),
            &used(3, 2 * SECOND),
            &used(2, SECOND),
            &used(1, 86_399 * SECOND),
            &used(1, SECOND),
        ];
        let others = (1..MAX_DEVICES).map(|_| used(9, 9 * day));
        for (number, last) in kept.iter().enumerate().skip(1) {
            let mut devices: Vec<_> = others.clone().skip(number - 1).collect();
            devices.extend(kept[..=number].iter().rev().copied().cloned());
            assert_eq!(devices.len(), MAX_DEVICES + 1);
            assert_eq!(surplus(devices, present.id), [last.id], "{number}");
        }
        assert_eq!(surplus(others.collect(), present.id), []);
    }
}
