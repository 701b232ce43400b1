//! The checks of authenticator data: the relying party, the flags, and the form of section 6.1.

use portcullis_mfa::passkey::PasskeyError;

use crate::authenticator::SoftAuthenticator;
use crate::ceremony::{Registration, SignIn};

/// The place of the flags, after the digest of the id of the relying party.
const FLAGS: usize = 32;

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

/// The errors of a registration and of an assertion whose authenticator data are changed in the same way.
fn errors(change: impl Fn(&mut Vec<u8>)) -> [PasskeyError; 2] {
    let mut registration = Registration::new();
    registration.change_data(&change);
    let mut sign_in = SignIn::new();
    sign_in.change_data(&change);
    [registration.error(), sign_in.error()]
}

fn both(error: PasskeyError) -> [PasskeyError; 2] {
    [error.clone(), error]
}

#[test]
fn data_for_another_relying_party_are_refused() {
    for place in [0, 31] {
        let wrong = errors(|data| data[place] ^= 1);
        assert_eq!(wrong, both(PasskeyError::WrongRelyingParty), "byte {place}");
    }
}

#[test]
fn an_authenticator_that_asked_nobody_is_refused() {
    assert_eq!(errors(|data| data[FLAGS] &= !UP), both(PasskeyError::UserNotPresent));
}

#[test]
fn user_verification_is_told_and_not_demanded() {
    let mut registration = Registration::new();
    assert!(registration.outcome().unwrap().is_user_verified);
    registration.change_data(|data| data[FLAGS] &= !UV);
    assert!(!registration.outcome().unwrap().is_user_verified);
    let mut sign_in = SignIn::new();
    assert!(sign_in.outcome().unwrap().is_user_verified);
    sign_in.change_data(|data| data[FLAGS] &= !UV);
    assert!(!sign_in.outcome().unwrap().is_user_verified);
}

#[test]
fn a_backed_up_credential_must_be_eligible_for_backup() {
    let impossible = errors(|data| data[FLAGS] = data[FLAGS] & !BE | BS);
    assert_eq!(impossible, both(PasskeyError::BackupStateInvalid));
}

#[test]
fn the_backup_state_may_change_and_is_told() {
    let mut sign_in = SignIn::new();
    assert!(sign_in.outcome().unwrap().is_backed_up);
    sign_in.change_data(|data| data[FLAGS] &= !BS);
    assert!(!sign_in.outcome().unwrap().is_backed_up);
}

#[test]
fn eligibility_for_backup_never_changes() {
    let mut sign_in = SignIn::new();
    sign_in.change_data(|data| data[FLAGS] &= !(BE | BS));
    assert_eq!(sign_in.error(), PasskeyError::BackupEligibilityChanged);
    let mut sign_in =
        SignIn::with(SoftAuthenticator::security_key(crate::authenticator::SoftAlgorithm::Es256));
    assert!(sign_in.outcome().is_ok());
    sign_in.change_data(|data| data[FLAGS] |= BE);
    assert_eq!(sign_in.error(), PasskeyError::BackupEligibilityChanged);
}

#[test]
fn reserved_flags_are_ignored() {
    let mut registration = Registration::new();
    registration.change_data(|data| data[FLAGS] |= 0x22);
    assert!(registration.outcome().is_ok());
    let mut sign_in = SignIn::new();
    sign_in.change_data(|data| data[FLAGS] |= 0x22);
    assert!(sign_in.outcome().is_ok());
}

#[test]
fn a_registration_brings_a_credential() {
    let mut registration = Registration::new();
    registration.change_data(|data| {
        data[FLAGS] &= !AT;
        data.truncate(37);
    });
    assert_eq!(registration.error(), PasskeyError::NoCredential);
}

/// Section 6.1: the flag "MUST NOT be set" for an assertion.
#[test]
fn an_assertion_brings_no_credential() {
    let mut registration = Vec::new();
    Registration::new().change_data(|data| registration.clone_from(data));
    let mut sign_in = SignIn::new();
    sign_in.change_data(|data| {
        data[FLAGS] |= AT;
        data.extend(&registration[37..]);
    });
    assert_eq!(sign_in.error(), PasskeyError::UnexpectedCredential);
}

#[test]
fn data_that_end_too_early_are_refused() {
    let mut full = Vec::new();
    Registration::new().change_data(|data| full.clone_from(data));
    for length in 0..full.len() {
        let mut registration = Registration::new();
        registration.change_data(|data| data.truncate(length));
        let error = registration.error();
        let is_expected = match length {
            // A cut in the middle of the key, which begins after 55 bytes and the id of 32.
            88.. => error == PasskeyError::MalformedCbor,
            _ => error == PasskeyError::MalformedAuthenticatorData,
        };
        assert!(is_expected, "{error:?} at {length}");
    }
    for length in 0..37 {
        let mut sign_in = SignIn::new();
        sign_in.change_data(|data| data.truncate(length));
        assert_eq!(sign_in.error(), PasskeyError::MalformedAuthenticatorData, "{length}");
    }
}

#[test]
fn bytes_after_the_data_are_refused() {
    for further in [&[0][..], &[0xa0], &[0xf6; 100]] {
        let trailing = errors(|data| data.extend(further));
        assert_eq!(trailing, both(PasskeyError::TrailingData), "{further:?}");
    }
}

#[test]
fn extensions_are_one_map_in_cbor() {
    let extended = |extensions: &[u8]| {
        let change = |data: &mut Vec<u8>| {
            data[FLAGS] |= ED;
            data.extend(extensions);
        };
        let mut registration = Registration::new();
        registration.change_data(change);
        let mut sign_in = SignIn::new();
        sign_in.change_data(change);
        [registration.outcome().map(drop), sign_in.outcome().map(drop)]
    };
    for good in [
        &b"\xa0"[..],
        b"\xa1\x6bcredProtect\x02",
        b"\xa2\x6bhmac-secret\xf5\x63uvm\x81\x83\x02\x04\x02",
        b"\xa1\x61x\xfb\x40\x09\x21\xfb\x54\x44\x2d\x18",
        b"\xa1\x20\xa1\x00\x43abc",
    ] {
        assert_eq!(extended(good), [Ok(()), Ok(())], "{good:02x?}");
    }
    let malformed = PasskeyError::MalformedCbor;
    for (bad, error) in [
        (&b""[..], PasskeyError::MalformedAuthenticatorData),
        (b"\x80", malformed.clone()),
        (b"\xf6", malformed.clone()),
        (b"\xa1\x61x", malformed.clone()),
        (b"\xa1\x61x\xff", malformed.clone()),
        (b"\xa1\xf5\x00", malformed.clone()),
        (b"\xa1\x41x\x00", malformed.clone()),
        (b"\xa1\x61\xff\x00", malformed.clone()),
        (b"\xa1\x61x\x61\xff", malformed.clone()),
        (b"\xbf\x61x\x00\xff", malformed.clone()),
        (b"\xa1\x61x\x9f\xff", malformed.clone()),
        (b"\xa1\x61x\x5f\x41a\xff", malformed.clone()),
        (b"\xa1\x61x\x7f\x61a\xff", malformed.clone()),
        (b"\xa1\x61x\xc0\x00", malformed.clone()),
        (b"\xa1\x61x\x9b\xff\xff\xff\xff\xff\xff\xff\xff", malformed.clone()),
        (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", malformed),
        (b"\xa2\x61x\x00\x61x\x01", PasskeyError::DuplicateKey),
        (b"\xa2\x01\x00\x18\x01\x01", PasskeyError::DuplicateKey),
        (b"\xa1\x61x\xa2\x61y\x00\x61y\x00", PasskeyError::DuplicateKey),
        (b"\xa1\x61x\x81\xa2\x61y\x00\x61y\x00", PasskeyError::DuplicateKey),
        (b"\xa0\xa0", PasskeyError::TrailingData),
    ] {
        assert_eq!(extended(bad), [Err(error.clone()), Err(error)], "{bad:02x?}");
    }
}

#[test]
fn cbor_is_nested_eight_levels_deep_at_most() {
    let nested = |levels: usize| {
        let mut sign_in = SignIn::new();
        sign_in.change_data(|data| {
            data[FLAGS] |= ED;
            data.extend(b"\xa1\x61x");
            data.extend(vec![0x81; levels - 1]);
            data.push(0x00);
        });
        sign_in.outcome().map(drop)
    };
    assert_eq!(nested(8), Ok(()));
    for levels in [9, 10, 8_000] {
        assert_eq!(nested(levels), Err(PasskeyError::NestingTooDeep), "{levels}");
    }
}

#[test]
fn a_map_has_at_most_thirty_two_entries() {
    let entries = |count: u8| {
        let mut sign_in = SignIn::new();
        sign_in.change_data(|data| {
            data[FLAGS] |= ED;
            data.extend([0xb8, count]);
            data.extend((0..count).flat_map(|key| [0x18, key, 0x00]));
        });
        sign_in.outcome().map(drop)
    };
    assert_eq!(entries(32), Ok(()));
    assert_eq!(entries(33), Err(PasskeyError::MalformedCbor));
}

#[test]
fn authenticator_data_have_a_limit_of_length() {
    let sized = |length: usize| {
        let mut sign_in = SignIn::new();
        sign_in.change_data(|data| {
            data[FLAGS] |= ED;
            data.extend(b"\xa1\x61x\x59");
            let content = length - data.len() - 2;
            data.extend(u16::try_from(content).unwrap().to_be_bytes());
            data.resize(length, 0);
        });
        sign_in.outcome().map(drop)
    };
    assert_eq!(sized(8_192), Ok(()));
    assert_eq!(sized(8_193), Err(PasskeyError::TooLong));
}
