//! The configured secret key and the keys derived from it. The keys of the audit log are derived in
//! `portcullis-audit`, `keys.rs`.
//!
//! Every purpose has its own key (HKDF, RFC 5869), so that a leaked key, or a token replayed for
//! another purpose, opens nothing else.
//!
//! A secret that can be guessed lets an attacker sign tokens for every account.
//! [`SecretKey::parse`] therefore refuses short secrets, samples from tutorials, and patterns. The
//! rules accept every generated secret (32 random hexadecimal digits and better) and refuse those
//! that people invent in a hurry; they do not prove randomness.

use std::collections::BTreeMap;

use hkdf::Hkdf;
use portcullis_domain::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::opaque::Digest;

/// A configured secret that passed the rules. It prints as redacted and is wiped when dropped.
#[derive(Clone, Debug)]
pub struct SecretKey(SecretString);

impl SecretKey {
    /// Parses a secret of at least 32 bytes that is not a known sample and follows no pattern.
    pub fn parse(secret: &SecretString) -> Result<Self, SecretKeyError> {
        let text = secret.expose_secret();
        if text.len() < MIN_LENGTH {
            return Err(SecretKeyError::TooShort);
        }
        if is_well_known(text) {
            return Err(SecretKeyError::WellKnown);
        }
        if is_predictable(text.as_bytes()) {
            return Err(SecretKeyError::LowEntropy);
        }
        Ok(Self(secret.clone()))
    }

    /// The secret itself, for a crate that derives keys for its own purposes: `portcullis-audit`
    /// does, under labels that begin with `portcullis/v1/audit-`.
    pub const fn as_secret(&self) -> &SecretString {
        &self.0
    }

    /// The fingerprint, which identifies the secret under which data was written.
    pub fn fingerprint(&self) -> Digest {
        Digest::keyed(&self.derive(Purpose::Fingerprint), &[])
    }

    /// Derives the key for one purpose: HKDF-SHA-256 without salt, the purpose's label as `info`.
    ///
    /// A resource server that verifies access tokens gets the
    /// [`SharedSecret`](crate::SharedSecret), never the secret itself.
    #[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes, this asks for 32")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, self.0.expose_secret().as_bytes())
            .expand(purpose.label(), &mut key)
            .expect("32 bytes are within the limit");
        key
    }
}

/// The purpose of a derived key. A changed meaning needs a new label. The keys of the audit log are
/// not listed here; see `portcullis-audit`, `keys.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Signs access tokens.
    AccessToken,
    /// Signs refresh tokens.
    RefreshToken,
    /// Signs the cookie of a device that has signed in before.
    DeviceToken,
    /// Binds a CSRF token to its session.
    Csrf,
    /// Encrypts the seeds of TOTP factors.
    TotpSeeds,
    /// Encrypts the public keys of passkeys, so that no other one can be put in their place.
    Passkeys,
    /// Encrypts the hashes of backup codes, so that no other ones can be put in their place.
    BackupCodes,
    /// Encrypts the terms of API keys, so that no key can be added or widened.
    ApiKeys,
    /// Hides the names under which failed sign-ins are counted.
    SignInFailures,
    /// Encrypts the private halves of generated signing keys.
    SigningKeys,
    /// Identifies the secret.
    Fingerprint,
    /// Keys password hashes.
    PasswordPepper,
    /// Identifies the key of password hashes, in public.
    PasswordPepperId,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AccessToken => b"portcullis/v1/access-token",
            Self::RefreshToken => b"portcullis/v1/refresh-token",
            Self::DeviceToken => b"portcullis/v1/device-token",
            Self::Csrf => b"portcullis/v1/csrf",
            Self::TotpSeeds => b"portcullis/v1/totp-seeds",
            Self::Passkeys => b"portcullis/v1/passkeys",
            Self::BackupCodes => b"portcullis/v1/backup-codes",
            Self::ApiKeys => b"portcullis/v1/api-keys",
            Self::SignInFailures => b"portcullis/v1/sign-in-failures",
            Self::SigningKeys => b"portcullis/v1/signing-keys",
            Self::Fingerprint => b"portcullis/v1/fingerprint",
            Self::PasswordPepper => b"portcullis/v1/password-pepper",
            Self::PasswordPepperId => b"portcullis/v1/password-pepper-id",
        }
    }
}

/// The reason why a secret is refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// Fewer than 32 bytes.
    #[error("must be at least 32 bytes long; generate one with `openssl rand -base64 48`")]
    TooShort,
    /// Published in a tutorial, or made of words that are common in samples.
    #[error("is a published sample value; generate one with `openssl rand -base64 48`")]
    WellKnown,
    /// Too little variety, a repeated block, or a run such as `abcdef`.
    #[error("follows a pattern and is easy to guess; generate one with `openssl rand -base64 48`")]
    LowEntropy,
}

portcullis_domain::debug_as_display!(SecretKeyError);

const MIN_LENGTH: usize = 32;

/// Random-looking keys that are published in the manuals of `FastAPI` and Flask and in RFC 7515
/// appendix A.1.
const PRINTED: [&str; 3] = [
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
];

/// Words of secrets in sample files; a longer word precedes the words that it contains.
const SAMPLE_WORDS: &str = "\
    0123456789abcdef 0123456789 1234567890 12345678 123456 development production characters \
    portcullis insecure abcdefgh password changeme generate default example replace minimum \
    abcdef secret secure change please random sample string qwerty strong bytes chars hs256 \
    least super token value 256 bits prod test this very with your long must here only dev jwt \
    key the for in at";

/// Returns whether the secret is a published one, or has fewer than 16 characters without the
/// sample words. A random secret loses next to nothing in this way.
fn is_well_known(text: &str) -> bool {
    let is_separator = |c: &char| matches!(c, '-' | '_' | '.' | '!' | ' ');
    let joined: String =
        text.chars().filter(|c| !is_separator(c)).map(|c| c.to_ascii_lowercase()).collect();
    // A space replaces each word, so that its neighbours do not join into another word.
    let rest = SAMPLE_WORDS.split(' ').fold(joined.clone(), |rest, word| rest.replace(word, " "));
    PRINTED.contains(&joined.as_str()) || rest.chars().filter(|c| *c != ' ').count() < 16
}

/// Returns whether the bytes follow a pattern: under 2.5 bits each by their frequencies (Shannon),
/// a repeated block of up to 15 bytes, or more than two thirds of the steps between neighbours at
/// most 1.
///
/// The limits are as strict as the shortest generated secret allows: of 32 random hexadecimal
/// digits one in sixty has fewer than 12 different ones, and one in eight thousand has under 3 bits
/// each.
fn is_predictable(bytes: &[u8]) -> bool {
    let steps = || bytes.iter().zip(bytes.iter().skip(1));
    let small_steps = steps().filter(|(left, right)| left.abs_diff(**right) <= 1);
    let repeats = |period| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b);
    bits_per_byte(bytes) < 2.5
        || 3 * small_steps.count() > 2 * steps().count()
        || (1..16).any(repeats)
}

fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = BTreeMap::<u8, u32>::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1;
    }
    let total = f64::from(counts.values().sum::<u32>());
    counts.values().map(|count| f64::from(*count) / total).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use portcullis_domain::{SecureRandom, SystemRandom};
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<SecretKey, SecretKeyError> {
        SecretKey::parse(&SecretString::from(text))
    }

    fn hexadecimal(bytes: &[u8]) -> String {
        let mut text = String::new();
        for byte in bytes {
            write!(text, "{byte:02x}").unwrap();
        }
        text
    }

    #[test]
    fn sample_values_are_refused() {
        for text in [
            "changeme-changeme-changeme-changeme",
            "CHANGE_ME_TO_A_LONG_RANDOM_STRING_IN_PRODUCTION",
            "your-secret-key-change-in-production",
            "secretsecretsecretsecretsecretsecret",
            "a-string-secret-at-least-256-bits-long",
            "super-secret-jwt-token-with-at-least-32-characters-long",
            "test-only-key-0123456789abcdef!!",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7",
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        ] {
            assert_eq!(parse(text).err(), Some(SecretKeyError::WellKnown), "{text}");
        }
    }

    #[test]
    fn patterns_are_refused() {
        for text in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "********************************",
            "abababababababababababababababab",
            "Xk3vQ9zLp2Xk3vQ9zLp2Xk3vQ9zLp2Xk3vQ9zLp2",
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
            "qiiqameaeaimemqaqeaemiemeaeqqmeeaaee",
            "zyxwvutsrqponmlkjihgfedcba9876543210",
            "11111111222222223333333344444444555566667777",
            "kkkkkkkkkkkkkkkkkkkkkkkkkk7b2x9q4m8z",
        ] {
            assert_eq!(parse(text).err(), Some(SecretKeyError::LowEntropy), "{text}");
        }
    }

    #[test]
    fn length_counts_in_bytes_and_comes_first() {
        assert_eq!(parse("secret").err(), Some(SecretKeyError::TooShort));
        assert_eq!(parse("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4a").err(), Some(SecretKeyError::TooShort));
        assert!(parse("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU").is_ok());
    }

    #[test]
    fn a_real_secret_that_mentions_its_use_passes() {
        assert!(parse("production-secret-key-9f3bc1a7d25e8046b1d0c3f7a92e65d8").is_ok());
        assert!(parse("vier Möwen tranken Kaffee auf dem Dach von Haus 77").is_ok());
    }

    #[test]
    fn debug_output_does_not_tell_the_secret() {
        let key = parse("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU").unwrap();
        assert!(!format!("{key:?}").contains("f83k"));
    }

    /// Computed separately, with the HMAC of Python's standard library after RFC 5869 section 2.
    #[test]
    fn derived_keys_never_change() {
        let key = parse("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU").unwrap();
        for (purpose, expected) in [
            (
                Purpose::AccessToken,
                "93b79456360a46eec0ff04d7410535be1ee3d7fce101887eb29d1cc7dd61978d",
            ),
            (
                Purpose::RefreshToken,
                "2e3f0d4cb21dac738501d77d935a121af9eab7c110d2b9b57ef54271f1022130",
            ),
            (
                Purpose::DeviceToken,
                "8fe154e0ab15c86b811e08019e6e0ed177111479ad3a3131423a8f16ab2c2a5d",
            ),
            (Purpose::Csrf, "f30aaffa19f0ec70a12c9d8eea2ee30274825eb53498547b95f5811bc6ed2e8b"),
            (
                Purpose::SignInFailures,
                "9f4e32a411a481ed6158dfffb75e2e8770e70a4bf4fa3e6bd26c110fb09de981",
            ),
            (
                Purpose::SigningKeys,
                "c9bee56b44d1eb520e306cf1805fef7d8df0cff58a22c53894f103d68c3c9420",
            ),
            (
                Purpose::PasswordPepper,
                "c61798adbcdfffd1d3fb6f4994b1f2bc38c1d50703fc5879ea1255b8ac89d783",
            ),
            (
                Purpose::PasswordPepperId,
                "52f8ada07ccbea60cb20ee933cb980916e2c8a5f96be9dcaa91ac87a4385011a",
            ),
        ] {
            assert_eq!(hexadecimal(&key.derive(purpose)), expected, "{purpose:?}");
        }
    }

    proptest! {
        #[test]
        fn generated_secrets_pass(_ in 0..64_u32) {
            let mut bytes = [0; 48];
            SystemRandom.fill(&mut bytes);
            let hexadecimal = hexadecimal(&bytes[..16]);
            prop_assert!(parse(&hexadecimal).is_ok(), "{}", hexadecimal);
            let base64 = crate::base64url::encode(bytes);
            prop_assert!(parse(&base64).is_ok(), "{}", base64);
            let short = crate::base64url::encode(&bytes[..24]);
            prop_assert!(parse(&short).is_ok(), "{}", short);
        }
    }
}
