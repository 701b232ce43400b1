//! Assessment: allows, challenges or refuses a sign-in after its first proof is verified. A pure
//! function.

use std::net::IpAddr;

use portcullis_audit::Outcome;
use portcullis_domain::Account;

use crate::sign_in::device::SignInDevice;
use crate::sign_in::network_policy::NetworkPolicy;

/// The result of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assessment {
    /// A session may be opened.
    Allow {
        /// True if the holder of the account must be informed of the device.
        is_new_device: bool,
    },
    /// A second factor is required.
    Challenge,
    /// Refused, with the outcome to record.
    Refuse(Outcome),
}

/// Assesses the account as it was when the proof was verified, the client address, and the known device,
/// if there is one.
pub(super) fn assess(
    account: &Account,
    networks: &NetworkPolicy,
    address: IpAddr,
    device: SignInDevice,
) -> Assessment {
    if !account.is_active {
        return Assessment::Refuse(Outcome::Deactivated);
    }
    if account.is_blocked {
        return Assessment::Refuse(Outcome::Blocked);
    }
    if !networks.admits(account, address) {
        return Assessment::Refuse(Outcome::OutsideNetworks);
    }
    if account.mfa_enabled {
        return Assessment::Challenge;
    }
    Assessment::Allow { is_new_device: is_new_device(account, device) }
}

/// True if the holder of the account must be informed of the device. The first sign-in of all has no
/// known device either, and needs no message.
pub(super) fn is_new_device(account: &Account, device: SignInDevice) -> bool {
    device.known().is_none() && account.last_sign_in_at.is_some()
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{
        AccountId, AccountKind, Email, NetworkList, Role, SystemRandom, Timestamp, Username,
    };
    use portcullis_token::DeviceId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn account() -> Account {
        Account {
            id: AccountId::generate(NOW, &SystemRandom),
            username: Username::parse("ada").unwrap(),
            email: Email::parse("ada@example.org").unwrap(),
            display_name: None,
            kind: AccountKind::User,
            role: Role::parse("msa").unwrap(),
            is_active: true,
            is_blocked: false,
            email_verified: false,
            password_must_change: false,
            mfa_enabled: false,
            allowed_networks: NetworkList::default(),
            created_at: NOW,
            last_sign_in_at: Some(NOW),
        }
    }

    fn known() -> SignInDevice {
        let id = DeviceId::generate(&SystemRandom);
        SignInDevice::Known { id, generation: 1, rotates: true }
    }

    fn assess(account: &Account, device: SignInDevice) -> Assessment {
        let address = IpAddr::from([192, 0, 2, 7]);
        super::assess(account, &NetworkPolicy::default(), address, device)
    }

    #[test]
    fn a_deactivated_account_is_refused_from_any_device() {
        let account = Account { is_active: false, ..account() };
        for device in [SignInDevice::Unknown, known()] {
            assert_eq!(assess(&account, device), Assessment::Refuse(Outcome::Deactivated));
        }
    }

    #[test]
    fn a_blocked_account_is_refused_from_any_device() {
        let account = Account { is_blocked: true, ..account() };
        for device in [SignInDevice::Unknown, known()] {
            assert_eq!(assess(&account, device), Assessment::Refuse(Outcome::Blocked));
        }
    }

    #[test]
    fn an_account_outside_its_networks_is_refused_from_any_device() {
        let outside = "198.51.100.0/24".parse().unwrap();
        let account = Account { allowed_networks: outside, mfa_enabled: true, ..account() };
        for device in [SignInDevice::Unknown, known()] {
            let refused = Assessment::Refuse(Outcome::OutsideNetworks);
            assert_eq!(assess(&account, device), refused);
        }
        let inside = "192.0.2.0/24".parse().unwrap();
        let account = Account { allowed_networks: inside, ..account };
        assert_eq!(assess(&account, SignInDevice::Unknown), Assessment::Challenge);
    }

    #[test]
    fn an_account_with_a_factor_is_challenged_on_any_device() {
        let account = Account { mfa_enabled: true, ..account() };
        for device in [SignInDevice::Unknown, known()] {
            assert_eq!(assess(&account, device), Assessment::Challenge);
        }
    }

    #[test]
    fn an_unknown_device_is_new_but_for_the_first_sign_in_of_all() {
        let first = Account { last_sign_in_at: None, ..account() };
        let (unknown, reused) = (SignInDevice::Unknown, known().known().map(SignInDevice::Reused));
        let cases = [
            (account(), unknown, true),
            (account(), reused.unwrap(), true),
            (account(), known(), false),
            (first, unknown, false),
        ];
        for (account, device, is_new_device) in cases {
            assert_eq!(assess(&account, device), Assessment::Allow { is_new_device });
        }
    }
}
