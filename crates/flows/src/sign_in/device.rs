//! Known devices of an account: browsers with a device cookie.
//!
//! The cookie names the password that was used when it was set, and is valid only for that
//! password: after a change or a reset, every device must sign in once like an unknown one.

use std::time::Duration;

use portcullis_domain::ExposeSecret;
use portcullis_domain::{AccountId, PasswordEpoch, SecretString, SecureRandom, Timestamp};
use portcullis_token::{DeviceClaims, DeviceId, TokenAuthority};

/// The lifetime of the device cookie in a browser.
pub const DEVICE_LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The device whose cookie proves that it has used the current password of this account before.
pub(crate) fn known(
    authority: &TokenAuthority,
    cookie: Option<&SecretString>,
    subject: AccountId,
    epoch: PasswordEpoch,
    now: Timestamp,
) -> Option<DeviceId> {
    let claims = authority.verify_device(cookie?.expose_secret(), now).ok()?;
    (claims.subject == subject && claims.epoch == epoch).then_some(claims.device)
}

/// The cookie of a device that has just used the password of this epoch.
pub(crate) fn cookie(
    authority: &TokenAuthority,
    subject: AccountId,
    epoch: PasswordEpoch,
    device: Option<DeviceId>,
    now: Timestamp,
    random: &dyn SecureRandom,
) -> SecretString {
    authority.sign_device(&DeviceClaims {
        subject,
        device: device.unwrap_or_else(|| DeviceId::generate(random)),
        epoch,
        issued_at: now,
        expires_at: now + DEVICE_LIFETIME,
    })
}
