//! Assessment: allows, challenges or refuses a sign-in after its first proof is verified. Pure functions.

use std::net::IpAddr;

use portcullis_audit::{Outcome, RiskOutcome};
use portcullis_domain::{Account, AccountKind};

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
    /// A second proof is required.
    Challenge(SecondStep),
    /// Refused, with the outcome to record.
    Refuse(Outcome),
}

/// The proof that a challenge requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondStep {
    /// A second factor of the account.
    Factor,
    /// A code that is mailed to an account without a second factor.
    MailedCode,
}

/// Refuses an account that may not be signed in to from this address, whatever its proof is.
pub(super) fn admit(
    account: &Account,
    networks: &NetworkPolicy,
    address: IpAddr,
) -> Result<(), Outcome> {
    if !account.is_active {
        return Err(Outcome::Deactivated);
    }
    if account.is_blocked {
        return Err(Outcome::Blocked);
    }
    // A service acts through its API keys only.
    if account.kind == AccountKind::Service {
        return Err(Outcome::AgainstRules);
    }
    if !networks.admits(account, address) {
        return Err(Outcome::OutsideNetworks);
    }
    Ok(())
}

/// Assesses the account as it was when the proof was verified, its device, and the risk.
pub(super) fn assess(account: &Account, device: SignInDevice, risk: RiskOutcome) -> Assessment {
    if risk == RiskOutcome::Refused {
        return Assessment::Refuse(Outcome::TooRisky);
    }
    if account.mfa_enabled {
        return Assessment::Challenge(SecondStep::Factor);
    }
    if risk == RiskOutcome::Challenged {
        return Assessment::Challenge(SecondStep::MailedCode);
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
    use portcullis_domain::SystemRandom;
    use portcullis_testkit::samples;
    use portcullis_token::DeviceId;

    use super::*;

    fn account() -> Account {
        Account { last_sign_in_at: Some(samples::NOW), ..samples::account("ada") }
    }

    fn known() -> SignInDevice {
        let id = DeviceId::generate(&SystemRandom);
        SignInDevice::Known { id, generation: 1, rotates: true }
    }

    fn admit(account: &Account) -> Result<(), Outcome> {
        super::admit(account, &NetworkPolicy::default(), IpAddr::from([192, 0, 2, 7]))
    }

    #[test]
    fn a_deactivated_a_blocked_and_an_outside_account_are_refused() {
        assert_eq!(admit(&account()), Ok(()));
        let deactivated = Account { is_active: false, is_blocked: true, ..account() };
        assert_eq!(admit(&deactivated), Err(Outcome::Deactivated));
        let blocked = Account { is_blocked: true, ..account() };
        assert_eq!(admit(&blocked), Err(Outcome::Blocked));
        let networks =
            |text: &str| Account { allowed_networks: text.parse().unwrap(), ..account() };
        assert_eq!(admit(&networks("198.51.100.0/24")), Err(Outcome::OutsideNetworks));
        assert_eq!(admit(&networks("192.0.2.0/24")), Ok(()));
    }

    #[test]
    fn the_risk_decides_between_a_session_a_mailed_code_and_a_refusal() {
        let with_factor = Account { mfa_enabled: true, ..account() };
        let refused = Assessment::Refuse(Outcome::TooRisky);
        let allowed = Assessment::Allow { is_new_device: true };
        let cases = [
            (RiskOutcome::Allowed, allowed, Assessment::Challenge(SecondStep::Factor)),
            (
                RiskOutcome::Challenged,
                Assessment::Challenge(SecondStep::MailedCode),
                Assessment::Challenge(SecondStep::Factor),
            ),
            (RiskOutcome::Refused, refused, refused),
        ];
        for (risk, without, with) in cases {
            assert_eq!(assess(&account(), SignInDevice::Unknown, risk), without, "{risk:?}");
            assert_eq!(assess(&with_factor, SignInDevice::Unknown, risk), with, "{risk:?}");
            assert_eq!(assess(&with_factor, known(), risk), with, "{risk:?}");
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
            let assessed = assess(&account, device, RiskOutcome::Allowed);
            assert_eq!(assessed, Assessment::Allow { is_new_device });
        }
    }
}
